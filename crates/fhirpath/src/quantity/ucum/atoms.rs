//! Units and prefixes of UCUM: facts from <https://ucum.org/ucum>.

/// What a unit is a multiple of.
pub(super) enum Of {
    /// The base unit at this place of the dimensions.
    Base(usize),
    /// Other units.
    Units(&'static str),
}

/// A unit: `code` is `factor` times `of`.
pub(super) struct Atom {
    pub(super) code: &'static str,
    pub(super) is_metric: bool,
    pub(super) factor: &'static str,
    pub(super) of: Of,
}

const fn base(code: &'static str, place: usize) -> Atom {
    Atom { code, is_metric: true, factor: "1", of: Of::Base(place) }
}

const fn metric(code: &'static str, factor: &'static str, units: &'static str) -> Atom {
    Atom { code, is_metric: true, factor, of: Of::Units(units) }
}

const fn plain(code: &'static str, factor: &'static str, units: &'static str) -> Atom {
    Atom { code, is_metric: false, factor, of: Of::Units(units) }
}

/// Prefix and power of ten; `da` before `d`.
pub(super) const PREFIXES: &[(&str, i8)] = &[
    ("Y", 24),
    ("Z", 21),
    ("E", 18),
    ("P", 15),
    ("T", 12),
    ("G", 9),
    ("M", 6),
    ("k", 3),
    ("h", 2),
    ("da", 1),
    ("d", -1),
    ("c", -2),
    ("m", -3),
    ("u", -6),
    ("n", -9),
    ("p", -12),
    ("f", -15),
    ("a", -18),
    ("z", -21),
    ("y", -24),
];

/// The units, base units first.
pub(super) const ATOMS: &[Atom] = &[
    base("m", 0),
    base("g", 1),
    base("s", 2),
    base("K", 3),
    base("C", 4),
    base("cd", 5),
    base("rad", 6),
    base("mol", 7),
    // numbers
    plain("%", "0.01", "1"),
    plain("[ppth]", "0.001", "1"),
    plain("[ppm]", "0.000001", "1"),
    plain("[ppb]", "0.000000001", "1"),
    plain("[pi]", "3.1415926535897932384626433833", "1"),
    // time
    plain("min", "60", "s"),
    plain("h", "3600", "s"),
    plain("d", "86400", "s"),
    plain("wk", "604800", "s"),
    plain("mo", "2629800", "s"),
    plain("mo_j", "2629800", "s"),
    plain("mo_g", "2629746", "s"),
    plain("a", "31557600", "s"),
    plain("a_j", "31557600", "s"),
    plain("a_g", "31556952", "s"),
    // derived units of the SI
    metric("Hz", "1", "s-1"),
    metric("N", "1000", "g.m/s2"),
    metric("Pa", "1000", "g/m/s2"),
    metric("J", "1000", "g.m2/s2"),
    metric("W", "1000", "g.m2/s3"),
    metric("A", "1", "C/s"),
    metric("V", "1", "J/C"),
    metric("F", "1", "C/V"),
    metric("Ohm", "1", "V/A"),
    metric("S", "1", "A/V"),
    metric("Wb", "1", "V.s"),
    metric("T", "1", "Wb/m2"),
    metric("H", "1", "Wb/A"),
    metric("lm", "1", "cd.rad2"),
    metric("lx", "1", "lm/m2"),
    metric("Bq", "1", "s-1"),
    metric("Gy", "1", "J/g/1000"),
    metric("Sv", "1", "J/g/1000"),
    metric("sr", "1", "rad2"),
    plain("deg", "0.0174532925199432957692369077", "rad"),
    // metric units beside the SI
    metric("L", "0.001", "m3"),
    metric("l", "0.001", "m3"),
    metric("ar", "100", "m2"),
    metric("t", "1000000", "g"),
    metric("bar", "100000", "Pa"),
    metric("u", "0.0000000000000000000000016605", "g"),
    metric("eV", "0.00000000000000000016021767", "J"),
    metric("m[Hg]", "133322", "Pa"),
    metric("m[H2O]", "9806.65", "Pa"),
    plain("atm", "101325", "Pa"),
    metric("cal", "4.184", "J"),
    plain("[Cal]", "4184", "J"),
    metric("cal_th", "4.184", "J"),
    metric("dyn", "0.00001", "N"),
    metric("erg", "0.0000001", "J"),
    metric("P", "0.1", "Pa.s"),
    metric("Ci", "37000000000", "Bq"),
    metric("R", "0.000258", "C/g/1000"),
    metric("RAD", "0.01", "Gy"),
    metric("REM", "0.01", "Sv"),
    metric("eq", "1", "mol"),
    metric("osm", "1", "mol"),
    metric("kat", "1", "mol/s"),
    metric("U", "1", "umol/min"),
    // customary units
    plain("[in_i]", "0.0254", "m"),
    plain("[ft_i]", "0.3048", "m"),
    plain("[yd_i]", "0.9144", "m"),
    plain("[mi_i]", "1609.344", "m"),
    plain("[nmi_i]", "1852", "m"),
    plain("[sin_i]", "1", "[in_i]2"),
    plain("[sft_i]", "1", "[ft_i]2"),
    plain("[cin_i]", "1", "[in_i]3"),
    plain("[in_us]", "0.0254000508001016002032004064", "m"),
    plain("[ft_us]", "0.3048006096012192024384048768", "m"),
    plain("[gr]", "0.06479891", "g"),
    plain("[lb_av]", "453.59237", "g"),
    plain("[oz_av]", "28.349523125", "g"),
    plain("[stone_av]", "6350.29318", "g"),
    plain("[ston_av]", "907184.74", "g"),
    plain("[oz_tr]", "31.1034768", "g"),
    plain("[lb_tr]", "373.2417216", "g"),
    plain("[gal_us]", "0.003785411784", "m3"),
    plain("[qt_us]", "0.000946352946", "m3"),
    plain("[pt_us]", "0.000473176473", "m3"),
    plain("[cup_us]", "0.0002365882365", "m3"),
    plain("[foz_us]", "0.0000295735295625", "m3"),
    plain("[tbs_us]", "0.00001478676478125", "m3"),
    plain("[tsp_us]", "0.00000492892159375", "m3"),
    plain("[cup_m]", "0.00024", "m3"),
    plain("[foz_m]", "0.00003", "m3"),
    plain("[tbs_m]", "0.000015", "m3"),
    plain("[tsp_m]", "0.000005", "m3"),
    plain("[drp]", "0.00000005", "m3"),
    plain("[psi]", "6894.7572931683613", "Pa"),
    plain("[Ch]", "0.3333333333333333333333333333", "mm"),
    plain("[in_i'Hg]", "0.0254", "m[Hg]"),
];
