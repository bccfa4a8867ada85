//! A browser without script: it keeps cookies, reads forms, and looks where it is sent before it goes there.

use std::collections::BTreeMap;

use super::encoded;
use crate::house::{House, Reply};

/// Somebody's browser.
pub(super) struct Browser<'h> {
    house: &'h House,
    cookies: BTreeMap<String, String>,
}

/// A form of a page, as it would be sent.
#[derive(Debug, Clone)]
pub(super) struct Form {
    action: String,
    fields: Vec<(String, String)>,
    /// Boxes that are not ticked, and buttons.
    others: Vec<(String, String)>,
}

impl<'h> Browser<'h> {
    pub(super) fn new(house: &'h House) -> Self {
        Self { house, cookies: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, url: &str) -> Reply {
        self.send("GET", url, "")
    }

    pub(super) fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Reply {
        self.send("POST", url, &encoded(fields))
    }

    fn send(&mut self, method: &str, url: &str, body: &str) -> Reply {
        let url = if url.starts_with('/') {
            format!("{}{url}", self.house.issuer())
        } else {
            url.to_owned()
        };
        let jar: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let jar = jar.join("; ");
        let mut headers = vec![("Accept", "text/html")];
        if !jar.is_empty() {
            headers.push(("Cookie", &jar));
        }
        if method == "POST" {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let reply = self.house.send(method, &url, &headers, body);
        for set in reply.headers.get_all("Set-Cookie") {
            let set = set.to_str().unwrap();
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        reply
    }

    /// Goes where it is sent, as long as that is the vault itself.
    pub(super) fn follow(&mut self, mut reply: Reply) -> Reply {
        for _ in 0..5 {
            let to = reply.header("Location").to_owned();
            let is_ours =
                to.starts_with('/') || to.starts_with(&format!("{}/auth", self.house.issuer()));
            if reply.status != 303 || !is_ours {
                return reply;
            }
            reply = self.get(&to);
        }
        panic!("sent round in circles");
    }

    pub(super) fn submit(&mut self, form: &Form) -> Reply {
        let fields: Vec<(&str, &str)> =
            form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = self.post(&form.action.clone(), &fields);
        self.follow(reply)
    }

    /// Types a name and a password into the page that asks for them.
    pub(super) fn log_in(&mut self, page: &Reply, login: &str, password: &str) -> Reply {
        let form = Form::of(page, "/auth/login").with("login", login).with("password", password);
        self.submit(&form)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.cookies.clear();
    }
}

impl Form {
    /// The last form of a page that is sent there.
    #[track_caller]
    pub(super) fn of(page: &Reply, action: &str) -> Self {
        assert!(page.header("Content-Type").starts_with("text/html"), "{}", page.text);
        assert!(page.header("Content-Security-Policy").contains("frame-ancestors 'none'"));
        assert!(!page.text.contains("<script"));
        let forms = page.text.split("<form ").skip(1).map(|it| it.split("</form>").next().unwrap());
        let form = forms.filter(|form| attribute(form, "action").as_deref() == Some(action)).last();
        let form = form.unwrap_or_else(|| panic!("no form for {action} in {}", page.text));
        let mut read = Self { action: action.to_owned(), fields: Vec::new(), others: Vec::new() };
        for tag in form.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            let is_field = tag.starts_with("input ") || tag.starts_with("button ");
            let (Some(name), true) = (attribute(tag, "name"), is_field) else { continue };
            let value = attribute(tag, "value").unwrap_or_default();
            let kind = attribute(tag, "type").unwrap_or_default();
            let counts = match kind.as_str() {
                "submit" => false,
                "checkbox" => tag.ends_with(" checked"),
                _ => true,
            };
            if counts {
                read.fields.push((name, value));
            } else {
                read.others.push((name, value));
            }
        }
        read
    }

    /// Types into a field, or presses a button.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name || name == "scope");
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Ticks a box that is there.
    #[track_caller]
    pub(super) fn tick(self, scope: &str) -> Self {
        assert!(self.others.iter().any(|(_, value)| value == scope), "{scope}: {:?}", self.others);
        self.with("scope", scope)
    }

    /// Takes the tick from a box.
    #[track_caller]
    pub(super) fn untick(mut self, scope: &str) -> Self {
        let before = self.fields.len();
        self.fields.retain(|(name, value)| name != "scope" || value != scope);
        assert_eq!(self.fields.len() + 1, before, "{scope}: {:?}", self.fields);
        self
    }

    /// The values of buttons of that name.
    pub(super) fn buttons(&self, name: &str) -> Vec<&str> {
        let found = self.others.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let value = rest.split('"').next()?;
    Some(
        value
            .replace("&amp;", "&")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\""),
    )
}

/// The parameters of an address, decoded.
pub(super) fn parameters(url: &str) -> BTreeMap<String, String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned()
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}
