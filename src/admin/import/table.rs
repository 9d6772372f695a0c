use csv::StringRecord;

/// The rows of a table that are not blank, each with the number that a spreadsheet program shows beside it: blank rows
/// count, and a field may have several lines.
pub(in crate::admin) struct Rows<'t> {
    text: &'t str,
    reader: csv::Reader<&'t [u8]>,
    /// Where the row ended that was read last.
    passed: usize,
    /// Line ends between the rows so far.
    ends: usize,
}

impl<'t> Rows<'t> {
    /// The rows of this text. Its separator is guessed, unless the first line names it.
    pub(in crate::admin) fn of(text: &'t str) -> Self {
        // Some spreadsheet programs write the separator into a first line of its own.
        let (separator, ends, text) = match text.split_once('\n') {
            Some((first, rest)) if first.trim_end().len() == 5 && first.to_ascii_lowercase().starts_with("sep=") => {
                (first.trim_end().as_bytes().last().copied(), 1, rest)
            }
            _ => (None, 0, text),
        };
        let reader = csv::ReaderBuilder::new()
            .delimiter(separator.unwrap_or_else(|| guess_separator(text.trim_start_matches(['\r', '\n']))))
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        Self { text, reader, passed: 0, ends }
    }

    /// The number of the row that was read just now.
    fn number(&mut self) -> usize {
        const ENDS: [char; 2] = ['\r', '\n'];
        let passed = self.text.get(self.passed..).unwrap_or_default();
        let before = passed.get(..passed.len() - passed.trim_start_matches(ENDS).len()).unwrap_or_default();
        // With a line feed, a carriage return, or both.
        self.ends += before.matches(ENDS).count() - before.matches("\r\n").count();
        let read = usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
        // The end of the row itself may have been read or not: it counts with the next one.
        self.passed = self.text.get(..read).unwrap_or(self.text).trim_end_matches(ENDS).len();
        self.ends + 1
    }
}

impl Iterator for Rows<'_> {
    type Item = (usize, csv::Result<StringRecord>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut row = StringRecord::new();
            let read = self.reader.read_record(&mut row);
            let number = self.number();
            match read {
                Ok(false) => return None,
                Ok(true) if row.iter().all(|field| field.trim().is_empty()) => {}
                Ok(true) => return Some((number, Ok(row))),
                Err(error) => return Some((number, Err(error))),
            }
        }
    }
}

/// The separator that the first line has most of, outside of quotes.
fn guess_separator(text: &str) -> u8 {
    let mut counts = [(b',', 0_u32), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            _ => counts.iter_mut().filter(|(separator, _)| *separator == byte).for_each(|(_, n)| *n += 1),
        }
    }
    // The first of equals: a comma.
    counts.iter().rev().max_by_key(|(_, n)| *n).map_or(b',', |(separator, _)| *separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(text: &str) -> Vec<(usize, Vec<String>)> {
        Rows::of(text).map(|(number, row)| (number, row.unwrap().iter().map(str::to_owned).collect())).collect()
    }

    fn numbers(text: &str) -> Vec<usize> {
        numbered(text).into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn numbers_are_those_of_the_spreadsheet() {
        for end in ["\n", "\r\n", "\r"] {
            let lines = ["mac,name", "1,Hall", "", ",", "2,\"two", "lines\"", "3,Attic", "", "", "4,End"];
            let text = lines.join(end);
            let expected = [1, 2, 5, 6, 9];
            assert_eq!(numbers(&text), expected, "{end:?}");
            assert_eq!(numbers(&format!("{text}{end}{end}")), expected, "{end:?}");
            assert_eq!(numbers(&format!("{end}{text}")), expected.map(|number| number + 1), "{end:?}");
        }
        assert_eq!(numbers("sep=;\nmac;name\n\n1;Hall\n"), [2, 4]);
    }

    #[test]
    fn a_quote_that_stays_open_counts_no_row_twice() {
        assert_eq!(numbers("mac,name\n1,\"Hall\n\n2,Attic\n\n"), [1, 2]);
    }

    #[test]
    fn the_separator_is_named_or_guessed() {
        for text in ["a;b\n", "a,b\n", "a\tb\n", "sep=|\na|b\n", "\"a\";b\n"] {
            assert_eq!(numbered(text)[0].1, ["a", "b"], "{text:?}");
        }
    }
}
