use super::brand::Brand;
use super::error::Error;
use super::registry::{Folder, Registry};

/// A folder that is not in force. What came with the program is, where it has such a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedOverlay {
    /// Name of the folder.
    pub brand: String,
    /// Why, with file and line where they are known.
    pub error: Error,
}

impl Registry {
    /// The brands that came with the program, with an administrator's folders over them: a file takes the place of the
    /// one of the same name, and a folder of another name is a new brand.
    ///
    /// Each folder is read and rehearsed on its own, and one that fails is left out whole.
    ///
    /// # Errors
    /// What came with the program is damaged.
    pub fn with_overlays(overlays: &[Folder]) -> Result<(Self, Vec<RefusedOverlay>), Error> {
        let mut folders = Folder::built_in();
        let mut refused = Vec::new();
        for overlay in overlays {
            match tried(&folders, overlay) {
                Ok(folder) => match folders.iter_mut().find(|known| known.id == folder.id) {
                    Some(known) => *known = folder,
                    None => folders.push(folder),
                },
                Err(error) => refused.push(RefusedOverlay { brand: overlay.id.clone(), error }),
            }
        }
        Ok((Self::load(&folders)?, refused))
    }
}

/// The folder as it would be, when it is good.
fn tried(folders: &[Folder], overlay: &Folder) -> Result<Folder, Error> {
    let mut folder = overlay.clone();
    if let Some(known) = folders.iter().find(|known| known.id == overlay.id) {
        for (name, text) in &known.files {
            folder.files.entry(name.clone()).or_insert_with(|| text.clone());
        }
    }
    Brand::read(&folder)?.rehearse()?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brands::{Claims, FileMatch};

    const TOY: &str = r#"
name = "Toy"
file = [{ name = "toy{mac}.txt", kind = "own", template = "own.txt", format = "key-value",
    content-type = "text/plain", order = 1, source = "made up", seen-on-a-phone = false }]
[[user-agent]]
pattern = '^Toy/(?P<model>\w+)'
source = "made up"
seen-on-a-phone = false
[accounts]
unknown-model = 2
source = "made up"
seen-on-a-phone = false
[tls]
newest = "1.3"
client-certificate = false
takes-our-ca = true
source = "made up"
seen-on-a-phone = false
"#;

    fn folder(id: &str, files: &[(&str, &str)]) -> Folder {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned().into())).collect();
        Folder { id: id.into(), files }
    }

    fn toy(template: &str) -> Folder {
        folder("toy", &[("brand.toml", TOY), ("templates/own.txt", template)])
    }

    #[test]
    fn a_new_folder_is_a_new_brand() {
        let (registry, refused) = Registry::with_overlays(&[toy("url = {{ provisioning_url }}\n")]).unwrap();
        assert_eq!(refused, []);
        let claims = Claims { user_agent: Some("Toy/X1"), ..Claims::default() };
        assert_eq!(registry.recognise(&claims).unwrap().brand.id, "toy");
        assert!(matches!(registry.file("toy805ec0000001.txt"), FileMatch::Served { .. }));
    }

    #[test]
    fn a_bad_folder_is_refused_with_file_and_line_and_the_rest_stays() {
        let built_in = Registry::builtin().unwrap();
        let brand = built_in.brands().find(|brand| brand.makes_files()).unwrap().id.clone();
        let template = Folder::built_in()
            .into_iter()
            .find(|folder| folder.id == brand)
            .and_then(|folder| folder.files.into_keys().find(|name| name.starts_with("templates/")))
            .unwrap();
        for (bad, said) in [
            ("x\n{{ nothing_of_this_name }}\n", "line 2"),
            ("x\n{% for a in\n", "line 2"),
            ("x\n{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}\n", "fuel"),
            ("{{ lines[0].no_such_member }}\n", "undefined"),
        ] {
            let overlay = folder(&brand, &[(&template, bad)]);
            let (registry, refused) = Registry::with_overlays(&[overlay, toy("x = 1\n")]).unwrap();
            let [one] = &refused[..] else { panic!("{refused:?}") };
            let text = one.error.to_string();
            assert!(one.brand == brand && text.contains(&template) && text.contains(said), "{text}");
            assert_eq!(registry.brands().count(), built_in.brands().count() + 1, "the toy is there all the same");
        }
        for (bad, said) in
            [(toy("{{ lines[7].user }}"), "templates/own.txt line 1"), (folder("new", &[]), "there is none")]
        {
            let (registry, refused) = Registry::with_overlays(&[bad]).unwrap();
            assert!(refused.len() == 1 && refused[0].error.to_string().contains(said), "{refused:?}");
            assert_eq!(registry.brands().count(), built_in.brands().count());
        }
        let manifest = TOY.replace("unknown-model", "unknown-modle");
        let overlay = folder("toy", &[("brand.toml", &manifest), ("templates/own.txt", "x = 1\n")]);
        let (_, refused) = Registry::with_overlays(&[overlay]).unwrap();
        assert!(refused[0].error.to_string().contains("line 10"), "{refused:?}");
    }

    #[test]
    fn what_came_with_the_program_stands_its_rehearsal() {
        for brand in Registry::builtin().unwrap().brands() {
            brand.rehearse().unwrap();
        }
    }
}
