//! One line of line protocol into its parts, without copying.

use crate::ingest::number::{Number, read};
use crate::ingest::report::{Reason, Refusal, shown};

/// The parts of a line, escapes still in them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// Measurement and tags: what names the host.
    pub(super) key: &'a [u8],
    pub(super) fields: Fields<'a>,
}

/// What is left of a line's fields and, when they are read, of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    ended: bool,
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Number(f64),
    /// Not a number, as some writers send for "no value".
    Missing,
    /// Text, which is no sample.
    Text,
}

/// Splits a line without blanks around it at the first blank that is not escaped.
pub(super) fn split(line: &[u8]) -> Result<Parts<'_>, Refusal> {
    let end = find(line, |byte| byte == b' ');
    let (key, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    let fields = Fields { rest: rest.trim_ascii_start(), ended: false };
    if fields.rest.is_empty() {
        return Err(syntax("the line has no fields; write measurement,tag=a field=1 timestamp"));
    }
    Ok(Parts { key, fields })
}

/// The first byte that fits and is not escaped with a backslash; the length where there is none.
#[inline]
fn find(text: &[u8], fits: impl Fn(u8) -> bool) -> usize {
    let mut escaped = false;
    let found = text.iter().position(|byte| {
        let plain = !escaped;
        escaped = plain && *byte == b'\\';
        plain && fits(*byte)
    });
    found.unwrap_or(text.len())
}

impl<'a> Fields<'a> {
    /// The next field's name, escapes still in it, and its value; `None` behind the last one.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(&'a [u8], Value)>, Refusal> {
        if self.ended {
            return Ok(None);
        }
        let end = find(self.rest, |byte| matches!(byte, b'=' | b',' | b' '));
        let (name, behind) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        let behind = behind.strip_prefix(b"=").filter(|_| !name.is_empty());
        let behind = behind.ok_or_else(|| {
            syntax(format!("the field {} is not of the form name=value", shown(name)))
        })?;
        let (value, length) = if behind.first() == Some(&b'"') {
            (Value::Text, text_length(behind)?)
        } else {
            let length = behind.iter().position(|b| matches!(b, b',' | b' '));
            let length = length.unwrap_or(behind.len());
            (number(name, behind.get(..length).unwrap_or(behind))?, length)
        };
        self.rest = behind.get(length..).unwrap_or(&[]);
        match self.rest.split_first() {
            Some((b',', rest)) => self.rest = rest,
            Some((b' ', _)) | None => self.ended = true,
            Some(_) => {
                return Err(syntax(format!("text follows the closing quote of {}", shown(name))));
            }
        }
        Ok(Some((name, value)))
    }

    /// The timestamp behind the last field; empty where there is none.
    pub(super) fn timestamp(&self) -> &'a [u8] {
        self.rest.trim_ascii()
    }
}

/// The length of a quoted text with its quotes.
fn text_length(text: &[u8]) -> Result<usize, Refusal> {
    let content = text.get(1..).unwrap_or(&[]);
    let end = find(content, |byte| byte == b'"');
    if end == content.len() {
        return Err(Refusal::new(
            Reason::Quotes,
            "a text field does not close on its line; line breaks in texts are not read",
        ));
    }
    Ok(end + 2)
}

/// A number, an integer with `i` or `u` behind it, or a truth value as 1 or 0.
fn number(name: &[u8], text: &[u8]) -> Result<Value, Refusal> {
    let digits = match text.split_last() {
        Some((b'i', digits)) => digits.strip_prefix(b"-").unwrap_or(digits),
        Some((b'u', digits)) => digits,
        _ => return float(name, text),
    };
    let number = text.split_last().map_or(Number::Bad, |(_, number)| read(number));
    match number {
        Number::Value(value) if digits.iter().all(u8::is_ascii_digit) => Ok(Value::Number(value)),
        _ => Err(not_a_number(name, text)),
    }
}

fn float(name: &[u8], text: &[u8]) -> Result<Value, Refusal> {
    if text.first().is_some_and(|byte| matches!(byte, b't' | b'T' | b'f' | b'F')) {
        return match text {
            b"t" | b"T" | b"true" | b"True" | b"TRUE" => Ok(Value::Number(1.0)),
            b"f" | b"F" | b"false" | b"False" | b"FALSE" => Ok(Value::Number(0.0)),
            _ => Err(not_a_number(name, text)),
        };
    }
    match read(text) {
        Number::Value(value) => Ok(Value::Number(value)),
        Number::Missing if text.eq_ignore_ascii_case(b"nan") => Ok(Value::Missing),
        _ => Err(not_a_number(name, text)),
    }
}

fn not_a_number(name: &[u8], text: &[u8]) -> Refusal {
    Refusal::new(
        Reason::Value,
        format!(
            "the field {} is {}, which is no number; text belongs in double quotes",
            shown(name),
            shown(text)
        ),
    )
}

/// The measurement and the tags of a key, escapes resolved.
pub(super) fn read_key(key: &[u8]) -> Result<(String, Vec<(String, String)>), Refusal> {
    let end = find(key, |byte| byte == b',');
    let (measurement, mut rest) = key.split_at_checked(end).unwrap_or((key, &[]));
    if measurement.is_empty() {
        return Err(syntax("the line has no measurement"));
    }
    let mut tags = Vec::new();
    while let Some(tag) = rest.strip_prefix(b",") {
        let end = find(tag, |byte| byte == b',');
        let (tag, behind) = tag.split_at_checked(end).unwrap_or((tag, &[]));
        rest = behind;
        let (name, value) = tag.split_at_checked(find(tag, |b| b == b'=')).unwrap_or((tag, &[]));
        let value = value.strip_prefix(b"=").filter(|v| !v.is_empty() && !name.is_empty());
        let value = value.ok_or_else(|| {
            syntax(format!("the tag {} is not of the form name=value", shown(tag)))
        })?;
        tags.push((unescape(name, ESCAPED)?, unescape(value, ESCAPED)?));
    }
    Ok((unescape(measurement, b", ")?, tags))
}

/// What a backslash takes its meaning from in tags and in names of fields.
pub(super) const ESCAPED: &[u8] = b",= ";

/// Text without the backslashes that escape `special` bytes; other backslashes are plain.
pub(super) fn unescape(text: &[u8], special: &[u8]) -> Result<String, Refusal> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().filter(|next| byte == b'\\' && special.contains(next)).copied();
        plain.push(next.unwrap_or(byte));
        if next.is_some() {
            bytes.next();
        }
    }
    String::from_utf8(plain).map_err(|_| {
        Refusal::new(Reason::Encoding, format!("{} is not UTF-8; convert the file", shown(text)))
    })
}

fn syntax(what: impl Into<String>) -> Refusal {
    Refusal::new(Reason::Syntax, what)
}
