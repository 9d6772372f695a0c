//! The record that `recorder.c` wrote, as a list of what was done.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One thing that was done below the root; paths are relative to it.
#[derive(Debug)]
pub(crate) enum Deed {
    Open {
        fd: u32,
        path: PathBuf,
        made: bool,
        emptied: bool,
    },
    Close {
        fd: u32,
    },
    Write {
        fd: u32,
        at: u64,
        data: Vec<u8>,
    },
    Truncate {
        fd: u32,
        length: u64,
    },
    SyncBegin {
        fd: u32,
        number: u64,
        data_only: bool,
    },
    SyncEnd {
        number: u64,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    MakeDirectory {
        path: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    Mark {
        text: String,
    },
    /// The process ended, and the next one begins.
    Restart,
}

/// Compiles the recorder and returns the path of the library.
pub(crate) fn compile() -> PathBuf {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("recorder-{}.so", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/powercut/recorder.c");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&library, &source])
        .args(["-ldl", "-lpthread"])
        .status()
        .expect("a C compiler `cc` is installed");
    assert!(status.success(), "the recorder does not compile");
    library
}

/// Reads a record.
pub(crate) fn read(path: &Path, root: &Path) -> Vec<Deed> {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut deeds = Vec::new();
    while !rest.is_empty() {
        let kind = take(&mut rest, 1)[0];
        let fd = u32::from_le_bytes(take(&mut rest, 4).try_into().unwrap());
        let number = u64::from_le_bytes(take(&mut rest, 8).try_into().unwrap());
        let path_length = u32::from_le_bytes(take(&mut rest, 4).try_into().unwrap());
        let data_length = u32::from_le_bytes(take(&mut rest, 4).try_into().unwrap());
        let path = relative(take(&mut rest, path_length as usize), root);
        let data = take(&mut rest, data_length as usize);
        deeds.push(match kind {
            b'O' => Deed::Open { fd, path, made: data[0] != 0, emptied: data[1] != 0 },
            b'C' => Deed::Close { fd },
            b'W' => Deed::Write { fd, at: number, data: data.to_vec() },
            b'T' => Deed::Truncate { fd, length: number },
            b'F' | b'B' => Deed::SyncBegin { fd, number, data_only: kind == b'B' },
            b'E' => Deed::SyncEnd { number },
            b'R' => Deed::Rename { from: path, to: relative(data, root) },
            b'M' => Deed::MakeDirectory { path },
            b'U' => Deed::Remove { path },
            b'A' => Deed::Mark { text: String::from_utf8(data.to_vec()).unwrap() },
            other => panic!("a record of kind {other}"),
        });
    }
    deeds
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> &'b [u8] {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}

fn relative(path: &[u8], root: &Path) -> PathBuf {
    let path = Path::new(std::str::from_utf8(path).unwrap());
    path.strip_prefix(root).unwrap_or(path).to_path_buf()
}
