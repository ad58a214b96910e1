//! Packed files: logrotate's gz, and zst and xz.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::LogFile;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gz,
    Zst,
    Xz,
}

/// No log packs better than this; zeros do, a thousandfold and with xz and zst tens of thousands of times.
const RATIO: u64 = 200;
/// What any packed file may grow to, however small it is.
const LEAST: u64 = 16 << 20;

impl Packing {
    /// # Errors
    /// The file cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut magic = [0; 6];
        let read = File::open(path)?.read(&mut magic)?;
        Ok(Self::by_magic(magic.get(..read).unwrap_or_default()))
    }

    pub(super) fn by_magic(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zst,
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Self::Xz,
            _ => Self::Plain,
        }
    }
}

/// A packed file's content, up to a bound.
pub struct Unpacked {
    reader: Box<dyn Read + Send>,
    /// It is the file that was found: its name may have gone to another meanwhile, as rotation has it.
    pub is_as_found: bool,
    left: u64,
}

impl Unpacked {
    /// # Errors
    /// The file cannot be opened.
    pub fn open(file: &LogFile) -> io::Result<Self> {
        let opened = File::open(&file.path)?;
        let is_as_found = opened.metadata().is_ok_and(|now| file.is_still(&now));
        let packed = BufReader::with_capacity(64 << 10, opened);
        let reader: Box<dyn Read + Send> = match file.packing {
            Packing::Plain => Box::new(packed),
            // Several members are one file: `gzip -c >> old.gz`.
            Packing::Gz => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Packing::Zst => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
            Packing::Xz => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(packed)),
        };
        Ok(Self { reader, is_as_found, left: file.size.saturating_mul(RATIO).max(LEAST) })
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            // The end may lie just there.
            return match self.reader.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other(format!("it unpacks to more than {RATIO} times its size"))),
            };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.reader.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}
