//! What accepts carry: the reply attributes of the settings.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use sekisho_radius_protocol::dictionary::{Dictionary, Source};
use sekisho_radius_protocol::template::{Cover, Expanded, Profile, Template, Templates};
use sekisho_settings as settings;
use sekisho_verifier_socket::Accepted;

use crate::Failure;

/// The largest file of a dictionary.
const DICTIONARY_OCTETS_MAX: u64 = 4 * 1024 * 1024;

/// Groups, and what each gives to its members.
type OfGroups = BTreeMap<String, BTreeMap<String, String>>;

/// The reply attributes of one client.
#[derive(Debug)]
pub(crate) struct Replies {
    templates: Templates,
    of_groups: Arc<OfGroups>,
    /// Where its groups come from, in the order in which they count.
    sources: Vec<settings::GroupSource>,
}

impl Replies {
    /// Reads the templates of a client. An error is for the operator.
    pub(crate) fn new(
        client: &settings::Client,
        radius: &settings::Radius,
        dictionary: &Dictionary,
    ) -> Result<Self, String> {
        let mut templates = Vec::new();
        for reply in &client.reply {
            let read = Template::new(&reply.attribute, &reply.value, &reply.groups, dictionary);
            templates.push(read.map_err(|why| format!("reply {}: {why}", reply.attribute))?);
        }
        let templates = Templates::new(templates).map_err(|why| format!("reply: {why}"))?;
        Ok(Self {
            templates,
            of_groups: Arc::new(radius.group.clone()),
            sources: client.groups.clone(),
        })
    }

    /// Where groups must be looked up for it, if they must be; nothing if what comes with an accept
    /// is enough.
    pub(crate) fn look_up(&self) -> Option<&[settings::GroupSource]> {
        let is_elsewhere = |source: &_| *source != settings::GroupSource::Store;
        let wants = self.templates.need_groups()
            || (self.templates.need_attributes() && !self.of_groups.is_empty());
        let is_needed = wants && self.sources.iter().any(is_elsewhere);
        is_needed.then_some(&self.sources)
    }

    /// The groups that come with an accept, where they count.
    pub(crate) fn stored<'a>(&self, accepted: &'a Accepted) -> &'a [String] {
        match self.sources.contains(&settings::GroupSource::Store) {
            true => &accepted.groups,
            false => &[],
        }
    }

    /// The attributes for one accept.
    pub(crate) fn expand(
        &self,
        accepted: &Accepted,
        groups: &[String],
        cover: Cover<'_>,
    ) -> Expanded {
        if self.templates.is_empty() {
            return Expanded::default();
        }
        let mut attributes = accepted.attributes.clone();
        for group in groups {
            let own = self.of_groups.get(group).into_iter().flatten();
            attributes.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        }
        let profile = Profile {
            account: &accepted.account,
            groups,
            attributes: &attributes,
        };
        self.templates.expand(&profile, cover)
    }
}

/// Our own dictionary, and those of the settings.
pub(crate) fn dictionary(radius: &settings::Radius) -> Result<Dictionary, Failure> {
    let mut dictionary = Dictionary::built_in();
    for path in &radius.dictionary {
        let name = path.display().to_string();
        let text = read(path).map_err(|why| format!("radius.dictionary: {name}: {why}"))?;
        dictionary.read(&name, &text, &mut |name, from| {
            // A relative name is one beside the file that says it.
            let path = Path::new(from).parent().unwrap_or(Path::new("")).join(name);
            Ok(Source {
                name: path.display().to_string(),
                text: read(&path)?,
            })
        })?;
    }
    Ok(dictionary)
}

/// A dictionary. Comments are in whatever encoding; names and numbers are ASCII.
fn read(path: &Path) -> Result<String, String> {
    let open = || {
        let mut octets = Vec::new();
        let file = File::open(path)?;
        file.take(DICTIONARY_OCTETS_MAX + 1)
            .read_to_end(&mut octets)?;
        Ok(octets)
    };
    let octets = open().map_err(|error: std::io::Error| error.to_string())?;
    if octets.len() as u64 > DICTIONARY_OCTETS_MAX {
        return Err(format!("larger than {DICTIONARY_OCTETS_MAX} octets"));
    }
    Ok(String::from_utf8_lossy(&octets).into_owned())
}
