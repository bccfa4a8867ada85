//! Where people live and what they are called there.

use serde_json::{Value, json};

use super::dice::Dice;

/// A region: one city stands for it.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) city: &'static str,
    pub(super) state: &'static str,
    pub(super) postal_code: &'static str,
    pub(super) country: &'static str,
    /// BCP 47, with the language's own name in English.
    pub(super) language: (&'static str, &'static str),
    pub(super) women: &'static [&'static str],
    pub(super) men: &'static [&'static str],
    pub(super) families: &'static [&'static str],
}

macro_rules! region {
    ($city:literal, $state:literal, $postal_code:literal, $country:literal, $tag:literal $language:literal,
     [$($woman:literal)*], [$($man:literal)*], [$($family:literal)*]) => {
        Region {
            city: $city,
            state: $state,
            postal_code: $postal_code,
            country: $country,
            language: ($tag, $language),
            women: &[$($woman),*],
            men: &[$($man),*],
            families: &[$($family),*],
        }
    };
}

/// Each about as likely as the next.
#[rustfmt::skip]
pub(super) const REGIONS: &[Region] = &[
    region!("Bengaluru", "Karnataka", "560001", "IN", "kn" "Kannada",
        ["Ananya" "Kavya" "Shruthi" "Lakshmi" "Sahana"], ["Prajwal" "Kiran" "Manjunath" "Raghav" "Suresh"],
        ["Rao" "Gowda" "Hegde" "Shetty" "Kulkarni"]),
    region!("Chennai", "Tamil Nadu", "600001", "IN", "ta" "Tamil",
        ["Meenakshi" "Kayalvizhi" "Nithya" "Selvi" "Yazhini"], ["Karthik" "Murugan" "Senthil" "Arun" "Kumaran"],
        ["Subramanian" "Natarajan" "Pandian" "Ramasamy" "Sivakumar"]),
    region!("Kochi", "Kerala", "682001", "IN", "ml" "Malayalam",
        ["Anjali" "Sreeja" "Mariamma" "Fathima" "Devika"], ["Vishnu" "Thomas" "Rasheed" "Ajith" "Jacob"],
        ["Nair" "Menon" "Varghese" "Kurian" "Pillai"]),
    region!("Hyderabad", "Telangana", "500001", "IN", "te" "Telugu",
        ["Sravani" "Padmaja" "Harika" "Ayesha" "Swathi"], ["Venkatesh" "Srinivas" "Imran" "Naveen" "Rajesh"],
        ["Reddy" "Goud" "Chowdary" "Yadav" "Naidu"]),
    region!("Mumbai", "Maharashtra", "400001", "IN", "mr" "Marathi",
        ["Sanika" "Mrunal" "Rutuja" "Zarine" "Aarti"], ["Sachin" "Omkar" "Cyrus" "Nilesh" "Tejas"],
        ["Patil" "Deshmukh" "Joshi" "Kadam" "Irani"]),
    region!("Ahmedabad", "Gujarat", "380001", "IN", "gu" "Gujarati",
        ["Hetal" "Komal" "Urvashi" "Riddhi" "Jalpa"], ["Jignesh" "Hardik" "Bhavesh" "Chirag" "Mehul"],
        ["Patel" "Shah" "Desai" "Solanki" "Trivedi"]),
    region!("Amritsar", "Punjab", "143001", "IN", "pa" "Punjabi",
        ["Harpreet" "Simran" "Jasleen" "Gurleen" "Navneet"], ["Gurpreet" "Manjit" "Balwinder" "Arjan" "Jaspal"],
        ["Singh" "Gill" "Sandhu" "Dhillon" "Bedi"]),
    region!("Kolkata", "West Bengal", "700001", "IN", "bn" "Bengali",
        ["Moushumi" "Debjani" "Rituparna" "Sharmila" "Nusrat"], ["Subhash" "Anirban" "Sourav" "Debashis" "Tariq"],
        ["Mukherjee" "Banerjee" "Ghosh" "Sarkar" "Mondal"]),
    region!("Lucknow", "Uttar Pradesh", "226001", "IN", "hi" "Hindi",
        ["Pooja" "Shabana" "Neha" "Sunita" "Rekha"], ["Amit" "Faizan" "Vivek" "Ramesh" "Anuj"],
        ["Verma" "Siddiqui" "Mishra" "Srivastava" "Tiwari"]),
    region!("Patna", "Bihar", "800001", "IN", "hi" "Hindi",
        ["Sangeeta" "Kiran" "Manju" "Nutan" "Rani"], ["Santosh" "Pankaj" "Mukesh" "Birendra" "Ravi"],
        ["Kumar" "Prasad" "Jha" "Paswan" "Sinha"]),
    region!("Guwahati", "Assam", "781001", "IN", "as" "Assamese",
        ["Jahnabi" "Barnali" "Rimpi" "Dipali" "Mousumi"], ["Bhaskar" "Hemanta" "Pranjal" "Dhruba" "Ranjit"],
        ["Baruah" "Gogoi" "Saikia" "Bora" "Hazarika"]),
    region!("Bhubaneswar", "Odisha", "751001", "IN", "or" "Odia",
        ["Smruti" "Itishree" "Lopamudra" "Sasmita" "Gitanjali"], ["Bikash" "Soumya" "Prasanta" "Jagannath" "Debendra"],
        ["Mohanty" "Patnaik" "Sahoo" "Behera" "Panda"]),
    region!("Srinagar", "Jammu and Kashmir", "190001", "IN", "ks" "Kashmiri",
        ["Mehbooba" "Rukhsana" "Insha" "Saima" "Aaliya"], ["Bilal" "Showkat" "Owais" "Hilal" "Mudasir"],
        ["Bhat" "Wani" "Dar" "Lone" "Mir"]),
    region!("Kohima", "Nagaland", "797001", "IN", "en" "English",
        ["Avikali" "Theja" "Vizonuo" "Mhasi" "Keneisenuo"], ["Neikezhakuo" "Vikho" "Zaku" "Imli" "Temjen"],
        ["Angami" "Sema" "Ao" "Lotha" "Jamir"]),
    region!("Kathmandu", "Bagmati", "44600", "NP", "ne" "Nepali",
        ["Sarita" "Binita" "Pema"], ["Bishal" "Tenzing" "Prakash"], ["Shrestha" "Tamang" "Gurung"]),
    region!("Lagos", "Lagos", "100001", "NG", "en" "English",
        ["Adaeze" "Folake" "Amina"], ["Chinedu" "Babatunde" "Yusuf"], ["Okafor" "Adeyemi" "Bello"]),
    region!("Leeds", "West Yorkshire", "LS1 1UR", "GB", "en" "English",
        ["Charlotte" "Niamh" "Zara"], ["Oliver" "Callum" "Harun"], ["Whitaker" "O'Neill" "Hussain"]),
];

impl Region {
    /// An address at this place.
    pub(super) fn address(&self, dice: &mut Dice) -> Value {
        const STREETS: &[&str] = &[
            "Station Road",
            "Lake View Street",
            "Temple Street",
            "Market Lane",
            "Garden Colony",
            "Hill Road",
        ];
        json!({
            "use": "home",
            "line": [format!("{} {}", dice.between(1, 240), dice.pick(STREETS))],
            "city": self.city,
            "state": self.state,
            "postalCode": self.postal_code,
            "country": self.country,
        })
    }
}

/// A number in a series that is never given out.
pub(super) fn telephone(dice: &mut Dice) -> Value {
    json!({
        "system": "phone",
        "value": format!("+91 55501 {:05}", dice.between(0, 99_999)),
        "use": "mobile",
    })
}
