//! Four-vectors in tables, found by the names of their columns, and invariant masses. Natural units: masses,
//! momenta and energies in one unit.

/// What a column measures, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Quantity {
    Pt,
    Eta,
    Phi,
    Mass,
    Px,
    Py,
    Pz,
    Energy,
    Charge,
}

const WORDS: [(&str, Quantity); 13] = [
    ("pt", Quantity::Pt),
    ("eta", Quantity::Eta),
    ("phi", Quantity::Phi),
    ("mass", Quantity::Mass),
    ("m", Quantity::Mass),
    ("px", Quantity::Px),
    ("py", Quantity::Py),
    ("pz", Quantity::Pz),
    ("energy", Quantity::Energy),
    ("e", Quantity::Energy),
    ("charge", Quantity::Charge),
    ("q", Quantity::Charge),
    ("en", Quantity::Energy),
];

/// `Muon_pt`, `jetPt`, `obj.pt_`, `H1_PX`: what stands before the quantity, and the quantity. The quantity must be a
/// word of its own: all of the name, after a sign that is no letter, or begun by a capital.
pub fn parse_name(name: &str) -> Option<(&str, Quantity)> {
    let name = name.trim_end_matches('_');
    WORDS.into_iter().find_map(|(word, quantity)| {
        let start = name.len().checked_sub(word.len())?;
        let end = name.get(start..)?;
        if !end.eq_ignore_ascii_case(word) {
            return None;
        }
        let before = name[..start].chars().next_back();
        let capital = end.chars().next().is_some_and(char::is_uppercase);
        let separate = before.is_none_or(|c| !c.is_alphanumeric());
        let camel = capital && before.is_some_and(char::is_lowercase);
        (separate || camel).then_some((&name[..start], quantity))
    })
}

/// Columns of one kind of object, as places in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What their names begin with, without separators.
    pub name: String,
    columns: Vec<(Quantity, usize)>,
}

impl Object {
    /// The column of a quantity.
    pub fn column(&self, quantity: Quantity) -> Option<usize> {
        self.columns.iter().find(|(q, _)| *q == quantity).map(|(_, column)| *column)
    }

    fn has(&self, all: &[Quantity]) -> bool {
        all.iter().all(|q| self.column(*q).is_some())
    }

    fn is_polar(&self) -> bool {
        self.has(&[Quantity::Pt, Quantity::Eta, Quantity::Phi])
    }

    /// True if the columns make a four-vector.
    pub fn is_complete(&self) -> bool {
        self.is_polar() || self.has(&[Quantity::Px, Quantity::Py, Quantity::Pz])
    }

    /// The four-vectors of all rows. Polar columns go first; a mass that is not there is 0.
    pub fn vectors(&self, columns: &[&[f64]]) -> Vec<FourVector> {
        let value = |quantity: Quantity, row: usize| self.column(quantity).map(|column| columns[column][row]);
        let n_rows = self.columns.first().map_or(0, |(_, column)| columns[*column].len());
        let get = |quantity: Quantity, row: usize| value(quantity, row).unwrap_or(0.0);
        (0..n_rows)
            .map(|row| {
                let mass = value(Quantity::Mass, row);
                if self.is_polar() {
                    let polar = [Quantity::Pt, Quantity::Eta, Quantity::Phi].map(|q| get(q, row));
                    return FourVector::from_polar(polar[0], polar[1], polar[2], mass.unwrap_or(0.0));
                }
                let [px, py, pz] = [Quantity::Px, Quantity::Py, Quantity::Pz].map(|q| get(q, row));
                let from_mass = || (px * px + py * py + pz * pz + mass.unwrap_or(0.0).powi(2)).sqrt();
                FourVector { e: value(Quantity::Energy, row).unwrap_or_else(from_mass), px, py, pz }
            })
            .collect()
    }
}

/// The objects of a table whose columns make four-vectors.
pub fn find_objects<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Object> {
    let mut objects: Vec<Object> = Vec::new();
    for (column, name) in names.enumerate() {
        let Some((prefix, quantity)) = parse_name(name) else { continue };
        let prefix = prefix.trim_end_matches(|c: char| !c.is_alphanumeric());
        match objects.iter_mut().find(|object| object.name == prefix) {
            Some(object) if object.column(quantity).is_none() => object.columns.push((quantity, column)),
            Some(_) => {}
            None => objects.push(Object { name: prefix.to_string(), columns: vec![(quantity, column)] }),
        }
    }
    objects.retain(Object::is_complete);
    objects
}

/// Energy and momentum.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[allow(missing_docs)]
pub struct FourVector {
    pub e: f64,
    pub px: f64,
    pub py: f64,
    pub pz: f64,
}

impl FourVector {
    /// From transverse momentum, pseudorapidity, azimuth and mass.
    pub fn from_polar(pt: f64, eta: f64, phi: f64, mass: f64) -> FourVector {
        let (px, py, pz) = (pt * phi.cos(), pt * phi.sin(), pt * eta.sinh());
        FourVector { e: (pt * pt * eta.cosh().powi(2) + mass * mass).sqrt(), px, py, pz }
    }

    /// The sum of both.
    pub fn plus(self, other: FourVector) -> FourVector {
        FourVector {
            e: self.e + other.e,
            px: self.px + other.px,
            py: self.py + other.py,
            pz: self.pz + other.pz,
        }
    }

    /// sqrt(E^2 - p^2); 0 where rounding makes the difference negative.
    pub fn mass(self) -> f64 {
        let p2 = self.px * self.px + self.py * self.py + self.pz * self.pz;
        (self.e * self.e - p2).max(0.0).sqrt()
    }
}

/// The leading pair of each event, where the table does not say where events begin: objects of an event stand in
/// descending pt, so an event begins where pt rises. (first row, second row) of each event of two or more; with
/// charges, only pairs of opposite charge.
///
/// Two neighboring events of which the second begins softer than the first ends are taken as one: their pairs are a
/// smooth background under a peak, the same before and after. Choose pairs on the original and use them for both.
pub fn leading_pairs(pt: &[f64], charge: Option<&[f64]>) -> Vec<(usize, usize)> {
    let starts = |row: usize| row == 0 || pt[row] > pt[row - 1];
    let opposite = |a: usize, b: usize| charge.is_none_or(|q| q[a] * q[b] < 0.0);
    (0..pt.len().saturating_sub(1))
        .filter(|&row| starts(row) && pt[row + 1] <= pt[row] && opposite(row, row + 1))
        .map(|row| (row, row + 1))
        .collect()
}

/// Invariant masses of pairs of rows.
pub fn pair_masses(vectors: &[FourVector], pairs: &[(usize, usize)]) -> Vec<f64> {
    pairs.iter().map(|&(a, b)| vectors[a].plus(vectors[b]).mass()).collect()
}
