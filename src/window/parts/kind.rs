//! The icon of a share, from its kind and the ending of its name.

use crate::{
    engine::snapshot::ShareKind,
    window::{
        icons::{self, Icon},
        names,
    },
};

/// What stands before a share's title.
pub fn icon(kind: ShareKind, title: &str) -> Icon {
    match kind {
        ShareKind::Folder => icons::FOLDER,
        ShareKind::Several => icons::FILES,
        ShareKind::File => of_file(title),
    }
}

/// What stands before a file's name.
pub fn of_file(name: &str) -> Icon {
    match names::extension(name).as_deref() {
        Some("pdf") => icons::FILE_PDF,
        Some("png" | "jpg" | "jpeg" | "gif" | "webp" | "svg" | "heic" | "tif" | "tiff" | "bmp" | "xcf") => {
            icons::FILE_IMAGE
        }
        Some("mp4" | "mkv" | "mov" | "avi" | "webm" | "m4v" | "mpg") => icons::FILE_VIDEO,
        Some("mp3" | "wav" | "ogg" | "flac" | "m4a" | "opus" | "mid") => icons::FILE_AUDIO,
        Some("zip" | "7z" | "rar" | "gz" | "xz" | "zst" | "tar" | "tgz" | "iso" | "img" | "deb" | "msi" | "exe") => {
            icons::FILE_ZIP
        }
        Some("doc" | "docx" | "odt" | "rtf") => icons::FILE_DOC,
        Some("xls" | "xlsx" | "ods" | "csv") => icons::FILE_XLS,
        Some("ppt" | "pptx" | "odp") => icons::FILE_PPT,
        Some("txt" | "md" | "log" | "tex") => icons::FILE_TEXT,
        Some(
            "py" | "rs" | "c" | "cpp" | "h" | "java" | "js" | "ts" | "html" | "css" | "json" | "sb3" | "ino" | "ipynb",
        ) => icons::FILE_CODE,
        _ => icons::FILE,
    }
}
