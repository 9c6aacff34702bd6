//! Answers as JSON, which JavaScript parses in one go: that takes half as long as making plain objects one property at a time.

use crate::value::{Answered, MAX_SAFE, error};
use js_sys::JSON;
use rangepack_core::{Digest, Extent};
use wasm_bindgen::prelude::*;

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// A text that grows. Commas come by themselves.
#[derive(Debug, Default)]
pub struct Json {
    text: Vec<u8>,
    /// Whether a comma comes before what comes next.
    follows: bool,
}

/// A place in the text to go back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize, bool);

/// A number that JavaScript would round.
#[derive(Debug, Clone, Copy)]
pub struct TooLarge(u64);

impl TooLarge {
    /// What is wrong.
    #[must_use]
    pub fn message(self) -> String {
        format!("{} is more than JavaScript can count exactly (2^53-1)", self.0)
    }
}

impl From<TooLarge> for JsValue {
    fn from(number: TooLarge) -> JsValue {
        error("ERR_LIMIT", &number.message())
    }
}

impl Json {
    /// `{ value: … }`, to which what is written then belongs.
    #[must_use]
    pub fn answer() -> Json {
        let mut json = Json { text: Vec::with_capacity(512), follows: false };
        json.begin(b'{').key("value");
        json
    }

    /// Begins an object or an array.
    #[inline(never)]
    pub fn begin(&mut self, bracket: u8) -> &mut Json {
        self.separate();
        self.text.push(bracket);
        self.follows = false;
        self
    }

    /// Ends it.
    #[inline(never)]
    pub fn end(&mut self, bracket: u8) -> &mut Json {
        self.text.push(bracket);
        self.follows = true;
        self
    }

    /// The name of the property that comes next.
    #[inline(never)]
    pub fn key(&mut self, key: &str) -> &mut Json {
        self.plain(key);
        self.text.push(b':');
        self.follows = false;
        self
    }

    /// A text without anything that would have to be escaped.
    #[inline(never)]
    pub fn plain(&mut self, text: &str) -> &mut Json {
        self.separate();
        self.quoted(text.as_bytes())
    }

    fn quoted(&mut self, text: &[u8]) -> &mut Json {
        self.text.push(b'"');
        self.text.extend_from_slice(text);
        self.text.push(b'"');
        self
    }

    /// A name. Bytes that are not UTF-8 stand as lone surrogates, U+DC80 to U+DCFF, as in the NDJSON index, so that every name
    /// comes back as it was.
    #[inline(never)]
    pub fn name(&mut self, bytes: &[u8]) -> &mut Json {
        self.separate();
        self.text.push(b'"');
        for chunk in bytes.utf8_chunks() {
            let is_plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
            for run in chunk.valid().as_bytes().chunk_by(|_, byte| is_plain(byte)) {
                match run {
                    [first, rest @ ..] if !is_plain(first) => {
                        self.unit(0, *first);
                        self.text.extend_from_slice(rest);
                    }
                    _ => self.text.extend_from_slice(run),
                }
            }
            for byte in chunk.invalid() {
                self.unit(0xdc, *byte);
            }
        }
        self.text.push(b'"');
        self
    }

    /// A unit of UTF-16, escaped.
    fn unit(&mut self, high: u8, low: u8) {
        self.text.extend_from_slice(b"\\u");
        for half in [high >> 4, high & 15, low >> 4, low & 15] {
            self.text.push(if half < 10 { b'0' + half } else { b'a' - 10 + half });
        }
    }

    /// The digits of a number, so many at least.
    #[inline(never)]
    fn digits(&mut self, mut number: u64, least: usize) {
        let start = self.text.len();
        while number > 0 || self.text.len() - start < least {
            self.text.push(b'0' + (number % 10) as u8);
            number /= 10;
        }
        if let Some(digits) = self.text.get_mut(start..) {
            digits.reverse();
        }
    }

    /// An integer that JavaScript can count, whatever it is.
    #[inline(never)]
    pub fn small(&mut self, number: u64) -> &mut Json {
        self.separate();
        self.digits(number, 1);
        self
    }

    /// A count or offset, unless JavaScript would round it.
    pub fn number(&mut self, number: u64) -> Result<&mut Json, TooLarge> {
        if number > MAX_SAFE {
            return Err(TooLarge(number));
        }
        Ok(self.small(number))
    }

    /// A property that is a count or offset.
    #[inline(never)]
    pub fn count(&mut self, key: &str, number: u64) -> Result<&mut Json, TooLarge> {
        self.key(key).number(number)
    }

    /// A time as milliseconds, and the same as the digits of its nanoseconds: no number has enough of them.
    pub fn time(&mut self, milliseconds: &str, digits: &str, nanoseconds: i64) {
        let size = nanoseconds.unsigned_abs();
        let sign: &[u8] = if nanoseconds < 0 { b"-" } else { b"" };
        self.key(milliseconds).text.extend_from_slice(sign);
        self.digits(size / MILLISECOND, 1);
        self.text.push(b'.');
        self.digits(size % MILLISECOND, 6);
        self.follows = true;
        self.key(digits).text.push(b'"');
        self.text.extend_from_slice(sign);
        self.digits(size, 1);
        self.end(b'"');
    }

    /// Whether something is so.
    pub fn flag(&mut self, flag: bool) -> &mut Json {
        self.separate();
        self.text.extend_from_slice(if flag { b"true" } else { b"false" });
        self
    }

    /// A property that is a digest, as 64 hexadecimal digits.
    #[inline(never)]
    pub fn digest(&mut self, key: &str, digest: &Digest) -> &mut Json {
        let digits = digest.to_hex();
        self.key(key).plain(core::str::from_utf8(&digits).unwrap_or_default())
    }

    /// The properties `offset` and `length`.
    pub fn extent(&mut self, extent: Extent) -> Result<&mut Json, TooLarge> {
        self.count("offset", extent.start)?.count("length", extent.len)
    }

    /// Where the text ends.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.text.len(), self.follows)
    }

    /// Takes back what was written since.
    pub fn back(&mut self, mark: Mark) {
        self.text.truncate(mark.0);
        self.follows = mark.1;
    }

    /// What it says, as JavaScript has it.
    pub fn parse(&self) -> Answered {
        JSON::parse(core::str::from_utf8(&self.text).unwrap_or_default())
    }

    /// The same of an answer, which it ends.
    pub fn answered(&mut self) -> Answered {
        self.end(b'}').parse()
    }

    #[inline(never)]
    fn separate(&mut self) {
        if self.follows {
            self.text.push(b',');
        }
        self.follows = true;
    }
}

/// `{ need: { offset, length } }`: a range that is lacking.
pub fn need(extent: Extent) -> Answered {
    let mut json = Json::default();
    json.begin(b'{').key("need").begin(b'{');
    json.extent(extent)?.end(b'}').end(b'}').parse()
}

/// Takes the value out of an [`Answer`](rangepack_core::Answer), or returns what is needed of the pack.
macro_rules! ready {
    ($answer:expr) => {
        match $answer.map_err($crate::value::core_error)? {
            rangepack_core::Answer::Ready(value) => value,
            rangepack_core::Answer::Need(extent) => return $crate::json::need(extent),
        }
    };
}
pub(crate) use ready;

/// `{ value: undefined }`, or so: nothing is there.
pub fn nothing() -> Answered {
    Json::default().begin(b'{').end(b'}').parse()
}

/// An error of the core in an answer.
impl From<rangepack_core::Error> for Unreadable {
    fn from(failure: rangepack_core::Error) -> Unreadable {
        Unreadable { code: crate::code::code_of(&failure), message: failure.to_string() }
    }
}

impl From<TooLarge> for Unreadable {
    fn from(number: TooLarge) -> Unreadable {
        Unreadable { code: "ERR_LIMIT", message: number.message() }
    }
}

/// Why something that is listed cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    code: &'static str,
    message: String,
}

impl Unreadable {
    /// Writes it as `{ code, message }`.
    pub fn write(&self, json: &mut Json) {
        json.begin(b'{').key("code").plain(self.code);
        json.key("message").name(self.message.as_bytes()).end(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Json)) -> String {
        let mut json = Json::default();
        write(&mut json);
        String::from_utf8(json.text).unwrap()
    }

    #[test]
    fn names_of_any_bytes() {
        let name = |bytes: &[u8]| {
            text(|json| {
                json.name(bytes);
            })
        };
        assert_eq!(name("Grüße \u{2028}".as_bytes()), "\"Grüße \u{2028}\"");
        assert_eq!(name(b"a\"b\\\n\0\"\"c"), r#""a\u0022b\u005c\u000a\u0000\u0022\u0022c""#);
        assert_eq!(name(b"\xff\xc3a\xed\xa0\x80"), r#""\udcff\udcc3a\udced\udca0\udc80""#);
        assert_eq!(name(b""), r#""""#);
    }

    #[test]
    fn numbers_and_times() {
        let time = |nanoseconds| text(|json| json.time("ms", "ns", nanoseconds));
        assert_eq!(
            time(1_700_000_000_000_000_001),
            r#""ms":1700000000000.000001,"ns":"1700000000000000001""#
        );
        assert_eq!(time(-1_500_000), r#""ms":-1.500000,"ns":"-1500000""#);
        assert_eq!(time(0), r#""ms":0.000000,"ns":"0""#);
        assert_eq!(time(i64::MIN), r#""ms":-9223372036854.775808,"ns":"-9223372036854775808""#);
        let mut json = Json::default();
        json.begin(b'[').number(MAX_SAFE).unwrap();
        assert!(json.number(MAX_SAFE + 1).is_err());
        json.small(0).end(b']');
        assert_eq!(json.text, b"[9007199254740991,0]");
    }

    #[test]
    fn what_is_taken_back_leaves_no_comma() {
        let written = text(|json| {
            json.begin(b'{');
            let mark = json.mark();
            json.key("a").small(1).key("b").begin(b'[');
            json.back(mark);
            json.key("c").flag(true).end(b'}');
        });
        assert_eq!(written, r#"{"c":true}"#);
    }
}
