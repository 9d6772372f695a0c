//! The ini file of gateways \[facts\].

use crate::phonesim::Fault;
use crate::phonesim::breed::File;

/// Rows that a table may have in these gateways.
const ROWS: usize = 24;

/// Reads an ini. A row of a table becomes settings `Table.index.Column`; a table takes the place of the one before
/// \[assumed\]. Names are compared in small letters.
///
/// # Errors
/// What would do harm: no last line end, a row without its end, a table that is not closed, and above all a file that
/// wipes what it does not name.
pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let bad = |why: &str| Fault::Unreadable { file: name.into(), why: why.into() };
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText { file: name.into() })?;
    if text.trim_start().starts_with('<') {
        return Err(Fault::Html { file: name.into() });
    }
    if !text.ends_with('\n') {
        return Err(bad("it does not end with a line end"));
    }
    let mut file = File::default();
    let mut table: Option<(String, Vec<String>)> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let section = section.trim();
            table = match (section.strip_prefix('\\'), table.take()) {
                (Some(closed), Some((open, _))) if closed.trim() == open => None,
                (None, None) if section.ends_with("Params") => None,
                (None, None) => Some((section.to_owned(), Vec::new())),
                _ => return Err(bad(&format!("line {}: sections are not closed in their order", at + 1))),
            };
            continue;
        }
        let Some((left, right)) = line.split_once('=') else {
            file.skipped.push(at + 1);
            continue;
        };
        let (left, right) = (left.trim(), right.trim());
        match &mut table {
            None => file.settings.push((left.to_ascii_lowercase(), Some(unquoted(right).to_owned()))),
            Some((table, columns)) => {
                let cells =
                    right.strip_suffix(';').ok_or_else(|| bad(&format!("line {}: a row has no end", at + 1)))?;
                let cells = cells_of(cells).ok_or_else(|| bad(&format!("line {}: a quote is open", at + 1)))?;
                if left == format!("FORMAT {table}_Index") {
                    *columns = cells;
                    for row in 0..ROWS {
                        let emptied = columns.iter().map(|column| (cell_name(table, row, column), None));
                        file.settings.extend(emptied);
                    }
                    continue;
                }
                let row = left.strip_prefix(&format!("{table} ")).and_then(|row| row.trim().parse::<usize>().ok());
                match row {
                    Some(row) if row < ROWS && cells.len() == columns.len() && !columns.is_empty() => {
                        let named = columns.iter().zip(cells);
                        file.settings.extend(named.map(|(column, cell)| (cell_name(table, row, column), Some(cell))));
                    }
                    _ => return Err(bad(&format!("line {}: a row does not fit its table", at + 1))),
                }
            }
        }
    }
    if table.is_some() {
        return Err(bad("a table is not closed"));
    }
    // The last one counts.
    let says = |key: &str| {
        let named = file.settings.iter().rev().find(|(name, _)| name == key);
        named.and_then(|(_, value)| value.as_deref())
    };
    if says("setdefaultoninifileprocess") != Some("0") {
        return Err(bad("it wipes every setting that it does not name, the gateway's address included"));
    }
    if says("resetnow") == Some("1") && !matches!(says("aupdcheckifinichanged"), Some("1" | "2")) {
        return Err(bad("it resets the gateway and says nothing against doing so again and again"));
    }
    Ok(file)
}

fn cell_name(table: &str, row: usize, column: &str) -> String {
    let column = column.split_once('_').map_or(column, |(_, column)| column);
    format!("{table}.{row}.{column}")
}

fn unquoted(text: &str) -> &str {
    let within = |mark: char| text.strip_prefix(mark)?.strip_suffix(mark);
    within('\'').or_else(|| within('"')).unwrap_or(text)
}

/// The cells of a row; within double quotes a comma is only a comma.
fn cells_of(row: &str) -> Option<Vec<String>> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for c in row.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            _ => cell.push(c),
        }
    }
    cells.push(cell.trim().to_owned());
    (!quoted).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: &str = "SetDefaultOnINIFileProcess = 0\n";

    fn why(text: &str) -> String {
        parse("a.ini", text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn reads_settings_and_tables() {
        let text = format!(
            "; remark\n[SYSTEM Params]\nIniFileURL='https://h/a;b.ini'\n{KEEP}[ T ]\nFORMAT T_Index = T_A, T_B;\n\
             T 1 = \"x, y; z\", 2;\n[ \\T ]\n"
        );
        let file = parse("a.ini", text.as_bytes()).unwrap();
        let says = |key: &str| file.settings.iter().rev().find(|(name, _)| name == key).unwrap().1.clone();
        assert_eq!(says("inifileurl").as_deref(), Some("https://h/a;b.ini"));
        assert_eq!(says("T.1.A").as_deref(), Some("x, y; z"));
        assert_eq!(says("T.1.B").as_deref(), Some("2"));
        assert_eq!(says("T.0.A"), None, "a row that is not there is gone");
    }

    #[test]
    fn a_bad_ini_is_named_one() {
        assert!(why("a = 1\n").contains("wipes every setting"));
        assert!(why("SetDefaultOnINIFileProcess = 0\nSetDefaultOnINIFileProcess = 1\n").contains("wipes"));
        assert!(why(&format!("{KEEP}ResetNow = 1\n")).contains("again and again"));
        assert!(why(KEEP.trim_end()).contains("line end"));
        assert!(why(&format!("{KEEP}[ T ]\nFORMAT T_Index = T_A;\nT 0 = 1;\n")).contains("not closed"));
        assert!(why(&format!("{KEEP}[ T ]\nFORMAT T_Index = T_A;\nT 0 = 1\n[ \\T ]\n")).contains("no end"));
        assert!(why(&format!("{KEEP}[ T ]\nFORMAT T_Index = T_A;\nT 0 = 1, 2;\n[ \\T ]\n")).contains("does not fit"));
        assert!(why(&format!("{KEEP}[ T ]\nFORMAT T_Index = T_A;\nT 0 = \"1;\n[ \\T ]\n")).contains("quote"));
        assert!(why(&format!("{KEEP}[ T ]\n[ U ]\n")).contains("in their order"));
        assert!(matches!(parse("a.ini", b"<html>\n"), Err(Fault::Html { .. })));
    }
}
