use std::collections::HashMap;

use super::columns::{Column, Columns};
use super::decode::decode;
use super::table::Rows;
use super::{Defaults, MOST_ERRORS, MOST_PHONES, Refusal, Sheet};
use crate::admin::editing::{CheckedPhone, LineDraft, PhoneDraft};
use crate::admin::problem::FieldError;
use crate::model::{Line, Mac, Secret};

/// Reads a file of phones. A phone with several lines has several rows with its MAC.
///
/// # Errors
/// Anything that keeps one row from being taken keeps the file from being taken.
pub fn read(bytes: &[u8], defaults: &Defaults) -> Result<Sheet, Refusal> {
    let decoded = decode(bytes)?;
    let mut rows = Rows::of(&decoded.text);
    let (_, first) = rows.next().ok_or(Refusal::Empty)?;
    let columns = Columns::read(first.map_err(|_| Refusal::Empty)?.iter())?;
    required_columns(&columns, defaults)?;

    let mut reading = Reading {
        columns: &columns,
        defaults,
        phones: Vec::new(),
        orders: Vec::new(),
        by_mac: HashMap::new(),
        errors: Vec::new(),
    };
    for (number, row) in rows {
        match row {
            Ok(row) => reading.take(number, &row)?,
            Err(error) => reading.errors.push(FieldError::new(format!("row {number}"), error.to_string())),
        }
    }
    let Reading { phones, errors, .. } = reading;
    if !errors.is_empty() {
        let count = errors.iter().map(|e| e.field.split(',').next()).collect::<std::collections::BTreeSet<_>>().len();
        return Err(Refusal::Rows(errors.into_iter().take(MOST_ERRORS).collect(), count));
    }
    if phones.is_empty() {
        return Err(Refusal::Empty);
    }
    let mut warnings: Vec<String> = decoded.warning.into_iter().collect();
    if columns.is_without_devices() {
        warnings.push("No column names the devices: these phones wait for theirs.".into());
    }
    if !columns.unused.is_empty() {
        warnings.push(format!("Not used, since no field goes by that name: {}.", columns.unused.join(", ")));
    }
    Ok(Sheet { phones, whole: false, warnings })
}

fn required_columns(columns: &Columns, defaults: &Defaults) -> Result<(), Refusal> {
    if columns.has(Column::User) {
        if !columns.has(Column::Password) {
            return Err(Refusal::ColumnMissing("the SIP password"));
        }
        if !columns.has(Column::Server) && defaults.server.is_none() {
            return Err(Refusal::ColumnMissing("the SIP server; add one, or name the server for the whole file"));
        }
    }
    Ok(())
}

struct Reading<'a> {
    columns: &'a Columns,
    defaults: &'a Defaults,
    phones: Vec<(usize, CheckedPhone)>,
    /// Beside each phone the numbers of its lines, where the file numbers them.
    orders: Vec<Vec<u32>>,
    by_mac: HashMap<Mac, usize>,
    errors: Vec<FieldError>,
}

impl Reading<'_> {
    fn take(&mut self, number: usize, record: &csv::StringRecord) -> Result<(), Refusal> {
        let text = |column| self.columns.of(record, column);
        let mut wrong: Vec<FieldError> = Vec::new();
        let line = text(Column::User).and_then(|user| self.line(user, record, &mut wrong));
        let order = match text(Column::Line).map(|text| text.parse::<u32>().map_err(|_| text)) {
            None => u32::MAX,
            Some(Ok(order)) => order,
            Some(Err(text)) => {
                wrong.push(FieldError::new(Column::Line.field(), format!("\"{text}\" is not a number.")));
                u32::MAX
            }
        };
        if text(Column::User).is_none() && text(Column::Password).is_some() {
            wrong.push(FieldError::new(Column::User.field(), "Missing, though there is a password."));
        }
        let template = || {
            let template = text(Column::Template)?;
            template.split_once('/').map(|(brand, model)| (brand.to_owned(), model.to_owned()))
        };
        let draft = PhoneDraft {
            mac: text(Column::Mac).unwrap_or_default(),
            name: text(Column::Name),
            organisation: text(Column::Organisation).or_else(|| self.defaults.organisation.clone()),
            brand: text(Column::Brand).or_else(|| template().map(|(brand, _)| brand)),
            model: text(Column::Model).or_else(|| template().map(|(_, model)| model)),
            group: text(Column::Group),
            ..PhoneDraft::default()
        };
        if is_scientific(&draft.mac) {
            let detail = format!(
                "\"{}\" is a number that the spreadsheet made of the MAC; format the column as text.",
                draft.mac
            );
            wrong.push(FieldError::new(Column::Mac.field(), detail));
        } else {
            match draft.check_for_list(number) {
                Ok(phone) => self.merge(number, phone, line.map(|line| (order, line)), &mut wrong)?,
                Err(errors) => wrong.extend(errors),
            }
        }
        self.errors.extend(wrong.into_iter().map(|e| FieldError::new(format!("row {number}, {}", e.field), e.detail)));
        Ok(())
    }

    fn line(&self, user: String, record: &csv::StringRecord, wrong: &mut Vec<FieldError>) -> Option<Line> {
        let text = |column| self.columns.of(record, column);
        let mut number = |column: Column| {
            let text = text(column)?;
            let parsed = text.parse::<u32>();
            if parsed.is_err() {
                wrong.push(FieldError::new(column.field(), format!("\"{text}\" is not a number.")));
            }
            parsed.ok()
        };
        let (port, expires) = (number(Column::Port), number(Column::Expires));
        let draft = LineDraft {
            user,
            auth_user: text(Column::AuthUser),
            password: Secret::new(text(Column::Password).unwrap_or_default()),
            display: text(Column::Display).or_else(|| text(Column::Name)),
            server: text(Column::Server).or_else(|| self.defaults.server.clone()).unwrap_or_default(),
            port,
            transport: text(Column::Transport).map(|text| self.columns.dialect.transport(text)),
            expires,
            voicemail: text(Column::Voicemail),
            ..LineDraft::default()
        };
        let (line, errors) = draft.check();
        wrong.extend(errors);
        line
    }

    /// Adds the row to what earlier rows said of the same phone.
    fn merge(
        &mut self,
        number: usize,
        mut phone: CheckedPhone,
        line: Option<(u32, Line)>,
        wrong: &mut Vec<FieldError>,
    ) -> Result<(), Refusal> {
        let index = self.by_mac.get(&phone.mac).copied().unwrap_or(self.phones.len());
        let (Some(known), Some(orders)) = (self.phones.get_mut(index), self.orders.get_mut(index)) else {
            if self.phones.len() >= MOST_PHONES {
                return Err(Refusal::TooMany);
            }
            self.orders.push(line.iter().map(|(order, _)| *order).collect());
            phone.lines.extend(line.map(|(_, line)| line));
            self.by_mac.insert(phone.mac, index);
            self.phones.push((number, phone));
            return Ok(());
        };
        let (first, known) = (known.0, &mut known.1);
        for (field, before, now) in [
            ("organisation", &known.organisation, &phone.organisation),
            ("model", &known.model, &phone.model),
            ("brand", &known.brand, &phone.brand),
        ] {
            if now.is_some() && before != now {
                wrong.push(FieldError::new(field, format!("Differs from row {first}, which is the same phone.")));
            }
        }
        match line {
            None if wrong.is_empty() => {
                wrong.push(FieldError::new("mac", format!("{} stands in row {first} already.", known.mac)));
            }
            Some((_, line)) if known.lines.iter().any(|l| l.user == line.user && l.server == line.server) => {
                wrong.push(FieldError::new("user", format!("{} is on this phone already (row {first}).", line.user)));
            }
            Some(_) if known.lines.len() >= Line::MOST => {
                wrong.push(FieldError::new("line", format!("A phone has at most {} lines.", Line::MOST)));
            }
            Some((order, line)) => {
                let at = orders.partition_point(|before| *before <= order);
                orders.insert(at, order);
                known.lines.insert(at, line);
            }
            None => {}
        }
        Ok(())
    }
}

/// `8.05E+11`: what a spreadsheet makes of twelve digits, or of digits with an E among them.
fn is_scientific(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.split_once("e+").is_some_and(|(number, power)| {
        number.contains(|c: char| c.is_ascii_digit())
            && number.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',')
            && power.chars().all(|c| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        match read(text.as_bytes(), &Defaults::default()) {
            Err(Refusal::Rows(errors, _)) => errors.into_iter().map(|e| e.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_a_list_as_people_have_it() {
        let text = "MAC Address;Description;Extension;Secret;Registrar;Room\r\n\
                    80:5E:C0:00:00:01;\"Reception; front\";201;p1;pbx.example.net;1\r\n\
                    \r\n\
                    805ec0000002;Kitchen;202;p2;pbx.example.net;2\r\n\
                    805ec0000001;;299;p3;pbx.example.net;\r\n";
        let sheet = read(text.as_bytes(), &Defaults::default()).unwrap();
        assert_eq!(sheet.phones.len(), 2);
        let (row, reception) = &sheet.phones[0];
        assert_eq!((*row, reception.name.as_str()), (2, "Reception; front"));
        assert_eq!(reception.lines.iter().map(|l| l.user.as_str()).collect::<Vec<_>>(), ["201", "299"]);
        assert_eq!(reception.lines[0].display, "Reception; front");
        assert_eq!(sheet.warnings, ["Not used, since no field goes by that name: Room."]);
    }

    #[test]
    fn names_rows_as_the_spreadsheet_does() {
        let text = "mac,user,password,server,port\n\
                    805ec0000001,201,p,pbx,5060\n\
                    nonsense,202,p,pbx,\n\
                    805ec0000003,203,,pbx,\n\
                    8.05E+11,204,p,pbx,\n\
                    805ec0000005,205,p,pbx,many\n";
        assert_eq!(errors(text), ["row 3, mac", "row 4, password", "row 5, mac", "row 6, port"]);
        let text = format!("sep=;\n{}", text.replace(',', ";"));
        assert_eq!(errors(&text)[0], "row 4, mac");
        assert_eq!(errors(&text.replace("5060", "5060\n"))[0], "row 5, mac", "blank rows count");
    }

    #[test]
    fn the_server_may_be_named_for_the_whole_file() {
        let text = b"mac,user,password\n805ec0000001,201,p\n";
        assert!(matches!(read(text, &Defaults::default()), Err(Refusal::ColumnMissing(_))));
        let defaults = Defaults { server: Some("pbx.example.net".into()), organisation: None };
        assert_eq!(read(text, &defaults).unwrap().phones[0].1.lines[0].server, "pbx.example.net");
    }

    #[test]
    fn the_same_line_twice_is_a_mistake() {
        let head = "mac,user,password,server,model";
        let row = "805ec0000001,201,p,pbx,T54W";
        assert_eq!(errors(&format!("{head}\n{row}\n{row}\n")), ["row 3, user"]);
        assert_eq!(errors(&format!("{head}\n{row}\n805ec0000001,,,,\n")), ["row 3, mac"]);
        assert_eq!(errors(&format!("{head}\n{row}\n805ec0000001,202,p,pbx,T46U\n")), ["row 3, model"]);
    }

    #[test]
    fn numbered_lines_come_in_their_order() {
        let text = "mac,line,user,password,server\n805ec0000001,2,202,p,pbx\n805ec0000001,1,201,p,pbx\n805ec0000001,3,203,p,pbx\n";
        let sheet = read(text.as_bytes(), &Defaults::default()).unwrap();
        assert_eq!(sheet.phones[0].1.lines.iter().map(|l| l.user.as_str()).collect::<Vec<_>>(), ["201", "202", "203"]);
        assert_eq!(errors("mac,line,user,password,server\n805ec0000001,first,202,p,pbx\n"), ["row 2, line"]);
    }

    #[test]
    fn phones_may_come_without_lines() {
        let sheet = read(b"mac\tname\n805ec0000001\tHall\n", &Defaults::default()).unwrap();
        assert_eq!((sheet.phones[0].1.name.as_str(), sheet.phones[0].1.lines.len()), ("Hall", 0));
    }

    #[test]
    fn refuses_what_is_no_list() {
        for (bytes, refusal) in
            [(&b""[..], Refusal::Empty), (b" \n \n", Refusal::Empty), (b"mac,user,password,server\n", Refusal::Empty)]
        {
            assert_eq!(read(bytes, &Defaults::default()), Err(refusal));
        }
        assert!(matches!(read(b"<html>", &Defaults::default()), Err(Refusal::NoMacColumn(_))));
    }

    #[test]
    fn too_many_phones_are_refused_at_once() {
        let mut text = String::from("mac\n");
        for n in 0..=MOST_PHONES {
            text.push_str(&format!("805ec0{n:06x}\n"));
        }
        assert_eq!(read(text.as_bytes(), &Defaults::default()), Err(Refusal::TooMany));
    }

    #[test]
    fn any_bytes_give_an_answer() {
        let seeds: [&[u8]; 3] =
            [b"mac,user,password,server\n805ec0000001,201,\"p", b"\xff\xfe\x00", b"mac;\"\"\"\n\"\n"];
        for seed in seeds {
            for position in 0..seed.len() {
                for byte in 0..=255 {
                    let mut bytes = seed.to_vec();
                    bytes[position] = byte;
                    let _ = read(&bytes, &Defaults::default());
                }
            }
        }
    }
}
