//! The text of a file, whatever program wrote it.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

const NO_TEXT: &str = "This file is not a text. Save the list as CSV (in UTF-8) and import that.";

/// UTF-8 and UTF-16 are known for sure; older encodings by what their letters are most likely to mean.
pub(in crate::server) fn text_of(bytes: &[u8]) -> Result<String, String> {
    let spreadsheets: [&[u8]; 3] = [b"PK\x03\x04", b"\xD0\xCF\x11\xE0", b"%PDF"];
    if spreadsheets.iter().any(|magic| bytes.starts_with(magic)) {
        return Err("This is a spreadsheet's own format. Save the list as CSV (in UTF-8) and import that.".to_owned());
    }
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None => unmarked(bytes),
    };
    // Takes a mark at the beginning away.
    let (text, _, failed) = encoding.decode(bytes);
    if failed || text.contains('\0') { Err(NO_TEXT.to_owned()) } else { Ok(text.into_owned()) }
}

fn unmarked(bytes: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0) {
        return UTF_8;
    }
    // Delimiters and the ends of lines are zeros every other byte.
    let zeros = |first| bytes.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, 0) => {
            let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
            detector.feed(bytes, true);
            detector.guess(None, Utf8Detection::Deny)
        }
        (even, odd) if even > odd => UTF_16BE,
        _ => UTF_16LE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_each_encoding_that_spreadsheets_write() {
        let list = "Nachname;Vorname;Klasse\r\nMüller;Jörg;7b\r\nGroß;Zoë;7b\r\n";
        let sixteen = |to: fn(u16) -> [u8; 2], mark: &[u8]| {
            mark.iter().copied().chain(list.encode_utf16().flat_map(to)).collect::<Vec<u8>>()
        };
        for bytes in [
            list.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", list.as_bytes()].concat(),
            encoding_rs::WINDOWS_1252.encode(list).0.into_owned(),
            sixteen(u16::to_le_bytes, b"\xFF\xFE"),
            sixteen(u16::to_be_bytes, b"\xFE\xFF"),
            sixteen(u16::to_le_bytes, b""),
            sixteen(u16::to_be_bytes, b""),
        ] {
            assert_eq!(text_of(&bytes).as_deref(), Ok(list), "{bytes:?}");
        }
        let polish = "Nazwisko;Imię;Klasa\r\nŻak;Łukasz;7b\r\nWiśniewska;Małgorzata;7b\r\n";
        assert_eq!(text_of(&encoding_rs::WINDOWS_1250.encode(polish).0).as_deref(), Ok(polish));
        let russian = "Фамилия;Имя;Класс\r\nИванова;Мария;7б\r\n";
        assert_eq!(text_of(&encoding_rs::WINDOWS_1251.encode(russian).0).as_deref(), Ok(russian));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for bytes in [&b"PK\x03\x04rest"[..], b"\xD0\xCF\x11\xE0\xA1", b"a\0\0\0b\0\0\0", b"\xFF\xFE\x00\xD8\x00"] {
            assert!(text_of(bytes).is_err(), "{bytes:?}");
        }
    }
}
