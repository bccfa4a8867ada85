//! Content codings, both ways, with bounds: <https://www.rfc-editor.org/rfc/rfc9110#name-content-codings>.

use std::io::{self, Read};

use bytes::Bytes;
use fhir_model::{IssueType, Outcome};

use crate::media::{MediaType, weight};

/// Bytes that any body may inflate to, whatever came over the wire.
const INFLATED_FLOOR: usize = 4 << 20;

/// How many times its size a body may inflate to beyond that. Synthea's Bundles reach 18 with gzip.
const INFLATED_RATIO_MAX: usize = 32;

/// The smallest body that is worth compressing.
const DEFLATED_BYTES_MIN: usize = 1024;

/// The window of zstd that a stranger may ask for: 8 MiB, as RFC 9659 says.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// A coding that is spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Brotli,
    Zstd,
}

/// The names, the cheapest for the server first.
const NAMES: &[(&str, Coding)] = &[
    ("zstd", Coding::Zstd),
    ("gzip", Coding::Gzip),
    ("br", Coding::Brotli),
    ("x-gzip", Coding::Gzip),
];

impl Coding {
    /// Of `Content-Encoding`; `None` is the bare body.
    ///
    /// # Errors
    /// 415 for a coding that is not spoken here, and for several on top of each other.
    pub(crate) fn of_content(header: &str) -> Result<Option<Self>, Outcome> {
        let name = header.trim();
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            return Ok(None);
        }
        let known = NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        known.map(|(_, coding)| Some(*coding)).ok_or_else(|| {
            Outcome::new(
                IssueType::UnsupportedMedia,
                "A body comes with one Content-Encoding at most: gzip, br or zstd",
            )
        })
    }

    /// Of `Accept-Encoding`: the one with the most weight, the cheapest of several.
    pub(crate) fn accepted(header: &str) -> Option<Self> {
        let weights: Vec<(&str, u16)> = header
            .split(',')
            .map(|one| {
                let media = MediaType::parse(one);
                (media.essence, weight(media.parameter("q")))
            })
            .collect();
        let of = |name: &str| {
            let named = weights.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            named
                .or_else(|| weights.iter().find(|(known, _)| *known == "*"))
                .map_or(0, |(_, weight)| *weight)
        };
        let mut best = (0, None);
        for (name, coding) in NAMES {
            let weight = of(name);
            if weight > best.0 {
                best = (weight, Some(*coding));
            }
        }
        best.1
    }

    /// `Content-Encoding`
    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, coding)| *coding == self).map_or("identity", |(name, _)| name)
    }

    /// Undoes it, up to `bytes_max` bytes.
    ///
    /// # Errors
    /// 413 when more comes out than may, 400 when it is damaged.
    pub(crate) fn inflate(self, body: &Bytes, bytes_max: usize) -> Result<Bytes, Outcome> {
        let max = body.len().saturating_mul(INFLATED_RATIO_MAX).max(INFLATED_FLOOR).min(bytes_max);
        let read = match self {
            Self::Gzip => read_bounded(flate2::read::MultiGzDecoder::new(&**body), max),
            Self::Brotli if has_large_window(body) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "large window"))
            }
            Self::Brotli => read_bounded(brotli::Decompressor::new(&**body, 8192), max),
            Self::Zstd => zstd_decoder(body).and_then(|decoder| read_bounded(decoder, max)),
        };
        let inflated = read.map_err(|_| {
            Outcome::new(IssueType::Structure, format!("The body is not sound {}", self.name()))
        })?;
        if inflated.len() > max {
            return Err(Outcome::new(
                IssueType::TooLong,
                format!(
                    "The body inflates to more than {max} bytes, which is the most for what was sent"
                ),
            ));
        }
        Ok(inflated.into())
    }

    /// Compresses an answer, quickly rather than well; `None` when that does not pay.
    pub(crate) fn deflate(self, body: &[u8]) -> Option<Vec<u8>> {
        if body.len() < DEFLATED_BYTES_MIN {
            return None;
        }
        let deflated = match self {
            Self::Gzip => read_bounded(
                flate2::read::GzEncoder::new(body, flate2::Compression::fast()),
                body.len(),
            ),
            Self::Brotli => {
                read_bounded(brotli::CompressorReader::new(body, 65_536, 2, 20), body.len())
            }
            Self::Zstd => zstd::bulk::compress(body, 1),
        };
        deflated.ok().filter(|deflated| deflated.len() < body.len())
    }
}

/// Reads one byte more than `max` at most.
fn read_bounded(reader: impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    reader.take((max as u64).saturating_add(1)).read_to_end(&mut out)?;
    Ok(out)
}

fn zstd_decoder(body: &[u8]) -> io::Result<impl Read> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// An extension of brotli with windows up to 1 GiB, which no HTTP client may use:
/// its streams begin with a window size that RFC 7932 leaves out.
fn has_large_window(body: &[u8]) -> bool {
    body.first().is_some_and(|first| first & 0x7f == 0x11)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Coding; 3] = [Coding::Gzip, Coding::Brotli, Coding::Zstd];

    #[test]
    fn what_is_compressed_here_is_read_here() {
        let text = "the same words again ".repeat(400);
        for coding in ALL {
            let small = coding.deflate(text.as_bytes()).unwrap();
            assert!(small.len() * 10 < text.len(), "{coding:?} {}", small.len());
            assert_eq!(coding.inflate(&small.into(), 1 << 20).unwrap(), text, "{coding:?}");
            assert_eq!(coding.deflate(b"short"), None);
        }
    }

    #[test]
    fn bombs_are_cut_off_and_damage_is_named() {
        let zeros = vec![0_u8; 6 << 20];
        for coding in ALL {
            let bomb: Bytes = coding.deflate(&zeros).unwrap().into();
            let refused = coding.inflate(&bomb, 16 << 20).unwrap_err();
            assert_eq!(refused.status(), 413, "{coding:?}");
            let refused = coding.inflate(&bomb, 1000).unwrap_err();
            assert_eq!(refused.status(), 413, "{coding:?}");
            let refused = coding
                .inflate(&Bytes::from_static(b"\xff\xff\xff\xff not compressed"), 1000)
                .unwrap_err();
            assert_eq!(refused.status(), 400, "{coding:?}");
            let half = bomb.slice(..bomb.len() / 2);
            assert!(coding.inflate(&half, 16 << 20).is_err(), "{coding:?}");
        }
        let large_window = Bytes::from_static(b"\x11\x1e\x00\x00");
        assert_eq!(Coding::Brotli.inflate(&large_window, 1000).unwrap_err().status(), 400);
    }

    #[test]
    fn codings_are_chosen_by_weight_then_by_cost() {
        let cases = [
            ("gzip", Some(Coding::Gzip)),
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("gzip, deflate, br", Some(Coding::Gzip)),
            ("br;q=1.0, gzip;q=0.8", Some(Coding::Brotli)),
            ("*", Some(Coding::Zstd)),
            ("zstd;q=0, *", Some(Coding::Gzip)),
            ("identity", None),
            ("gzip;q=0", None),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(Coding::accepted(header), expected, "{header}");
        }
        for (header, status) in [("deflate", 415), ("gzip, gzip", 415), ("compress", 415)] {
            assert_eq!(Coding::of_content(header).unwrap_err().status(), status, "{header}");
        }
        assert_eq!(Coding::of_content("GZIP"), Ok(Some(Coding::Gzip)));
        assert_eq!(Coding::of_content("identity"), Ok(None));
    }
}
