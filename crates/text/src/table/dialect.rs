//! How a table between delimiters is written.

/// How a table between delimiters is written, so that another one can be written in the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What stands between columns.
    pub delimiter: char,
    /// True if a field may stand in quotes, as in RFC 4180; otherwise quotes are ordinary characters.
    pub quotes: bool,
    /// True if the file begins with a byte order mark, by which spreadsheets know UTF-8.
    pub byte_order_mark: bool,
    /// True if the first line is `sep=` and the delimiter. It is a setting for Excel, and no row.
    pub separator_line: bool,
    /// True if lines end with a carriage return and a line feed, as on Windows.
    pub windows_line_ends: bool,
    /// True if numbers have a decimal comma; labels of rows have a point in its place.
    pub decimal_comma: bool,
}

impl Dialect {
    /// Tabs between columns, and quotes as ordinary characters.
    pub const TABS: Self = Self {
        delimiter: '\t',
        quotes: false,
        byte_order_mark: false,
        separator_line: false,
        windows_line_ends: false,
        decimal_comma: false,
    };
    /// Commas between columns, quoted as in RFC 4180.
    pub const COMMAS: Self = Self { delimiter: ',', quotes: true, ..Self::TABS };

    /// What stands before the header.
    ///
    /// ```
    /// use adaptune_text::Dialect;
    /// let excel = Dialect { delimiter: ';', byte_order_mark: true, separator_line: true, ..Dialect::COMMAS };
    /// assert_eq!((excel.preamble(), Dialect::TABS.preamble()), ("\u{feff}sep=;\n".into(), String::new()));
    /// ```
    #[must_use]
    pub fn preamble(&self) -> String {
        let mark = if self.byte_order_mark { "\u{feff}" } else { "" };
        let setting = || format!("{SETTING}{}{}", self.delimiter, self.line_end());
        let line = if self.separator_line { setting() } else { String::new() };
        format!("{mark}{line}")
    }

    /// What stands at the end of a line.
    #[must_use]
    pub fn line_end(&self) -> &'static str {
        if self.windows_line_ends { "\r\n" } else { "\n" }
    }

    /// True if numbers may have a decimal comma here: it cannot stand in a field between commas.
    #[must_use]
    pub fn leaves_commas(&self) -> bool {
        self.delimiter != ','
    }
}

/// What the line that tells Excel the delimiter begins with.
pub(super) const SETTING: &str = "sep=";
