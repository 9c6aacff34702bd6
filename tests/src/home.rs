//! A place where containers are made and continued.

use rangepack::{ContainerProblem, CreateOptions, Created, Error, FinalizeOptions, Pack, Tail};
use rangepack::{VerifyOptions, create, finalize, verify};
use std::fs;
use std::path::PathBuf;

/// A source with a few files, and beside it a container `c`.
#[derive(Debug)]
pub struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    /// Three files, and no container.
    #[expect(clippy::new_without_default, reason = "it makes files")]
    pub fn new() -> Home {
        let home = Home { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(home.at("source")).unwrap();
        for name in ["a", "b", "c"] {
            home.write(name, format!("content of {name}").as_bytes());
        }
        home
    }

    /// The path of what is called so.
    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file of the source.
    pub fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.at("source").join(name), content).unwrap();
    }

    /// Packs the source into the container, be it finished or not.
    pub fn create_with(&self, options: &CreateOptions) -> rangepack::Result<Created> {
        let mut options = options.clone();
        options.reopen = true;
        create(self.at("source"), self.at("c"), &options, &())
    }

    /// The same, which goes well.
    pub fn create(&self) -> Created {
        self.create_with(&CreateOptions::default()).unwrap()
    }

    /// Puts the index into the container.
    pub fn finalize(&self) {
        finalize(self.at("c"), None, &FinalizeOptions::default(), &()).unwrap();
    }

    /// Cuts off what nothing names.
    pub fn create_cutting(&self) -> Created {
        let mut options = CreateOptions::default();
        options.tail = Tail::Cut;
        self.create_with(&options).unwrap()
    }

    /// Puts the index into the container, and cuts off what nothing names.
    pub fn finalize_cutting(&self) {
        let mut options = FinalizeOptions::default();
        options.tail = Tail::Cut;
        finalize(self.at("c"), None, &options, &()).unwrap();
    }

    /// The lines of the index beside it that are entries.
    pub fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.at("c.idx")).unwrap();
        text.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect()
    }

    /// All files in the source are in the container, and it is sound.
    pub fn check(&self) -> Pack {
        let pack = Pack::open(self.at("c")).unwrap();
        let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
        for file in fs::read_dir(self.at("source")).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().as_encoded_bytes().to_vec();
            assert!(pack.read(&name).unwrap() == fs::read(&path).unwrap(), "{path:?}");
        }
        pack
    }

    /// Every file beside the source, with its bytes.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    /// It fails, and leaves everything as it was.
    pub fn is_refused(&self, options: &CreateOptions, expected: impl Fn(&Error) -> bool) {
        let before = self.files();
        let error = self.create_with(options).unwrap_err();
        assert!(expected(&error), "{error:?}");
        assert!(self.files() == before, "something was changed");
    }
}

/// What stands in a container's way.
pub fn problem(error: &Error) -> Option<&ContainerProblem> {
    match error {
        Error::Container { problem, .. } => Some(problem),
        _ => None,
    }
}

/// Options that also put the index into the container.
pub fn finalizing() -> CreateOptions {
    let mut options = CreateOptions::default();
    options.finalize = true;
    options
}
