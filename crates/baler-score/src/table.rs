//! A dataset as columns of float64: arrays of one axis, and the columns of arrays with two.

use baler_data::dataset::{Dataset, ListKind, Variable};
use baler_data::element::Element;
use baler_data::error::{Error, Result};
use baler_data::with_values;

/// Columns of one length; values that are not finite count as missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// One a column.
    pub names: Vec<String>,
    /// (columns, rows).
    pub columns: Vec<Vec<f64>>,
}

impl Table {
    /// Columns with their names.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Input`] without rows, and for columns of several lengths.
    pub fn new(names: Vec<String>, columns: Vec<Vec<f64>>) -> Result<Table> {
        let n_rows = columns.first().map_or(0, Vec::len);
        if n_rows == 0 {
            return Err(Error::input("expected a table with rows of numbers, found none"));
        }
        if let Some(other) = columns.iter().position(|column| column.len() != n_rows) {
            return Err(Error::input(format!(
                "expected columns of one length, found '{}' with {n_rows} rows and '{}' with {}; pick some with --variables",
                names[0],
                names[other],
                columns[other].len()
            )));
        }
        Ok(Table { names, columns })
    }

    /// The numbers of a dataset: a variable of one axis is a column, one of two (rows, columns) is as many as it has. Text is
    /// left out, and what only counts other variables' items; null is missing.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Input`] for arrays of other shapes, lists, and what [`Table::new`] refuses.
    pub fn of(dataset: &Dataset) -> Result<Table> {
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        let counts: Vec<usize> =
            dataset.variables.iter().filter_map(|variable| Some(variable.storage.lists?.counts)).collect();
        let is_number =
            |idx: usize| !dataset.variables[idx].storage.kind.is_opaque() && !counts.contains(&idx);
        for variable in
            (0..dataset.variables.len()).filter(|&idx| is_number(idx)).map(|idx| &dataset.variables[idx])
        {
            let values = match variable.storage.lists {
                None => floats(variable),
                Some(lists) if lists.kind == ListKind::Optional && variable.shape.len() == 1 => {
                    let present = dataset.variables.get(lists.counts);
                    let present = present.ok_or_else(|| Error::input("its flags of null are not there"))?;
                    let mut given = floats(variable).into_iter();
                    let mut value = |n: usize| if n == 0 { None } else { given.next() };
                    let counts = present.values.to_counts()?;
                    names.push(variable.name.clone());
                    columns.push(counts.into_iter().map(|n| value(n).unwrap_or(f64::NAN)).collect());
                    continue;
                }
                Some(_) => {
                    let text = "expected a value a row, found lists; pick other columns with --variables";
                    return Err(Error::input(text).in_variable(&variable.name));
                }
            };
            match variable.shape[..] {
                [_] => {
                    names.push(variable.name.clone());
                    columns.push(values);
                }
                [_, n_columns] => {
                    for column in 0..n_columns {
                        names.push(format!("{}[{column}]", variable.name));
                        columns.push(values.iter().skip(column).step_by(n_columns).copied().collect());
                    }
                }
                _ => {
                    let text = format!(
                        "expected columns, or an array (rows, columns), found {} axes; pick columns with --variables",
                        variable.shape.len()
                    );
                    return Err(Error::input(text).in_variable(&variable.name));
                }
            }
        }
        Table::new(names, columns)
    }

    /// Rows of each column.
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// The columns called `names`, in this order.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Input`] naming the first that is not there.
    pub fn select(mut self, names: &[String]) -> Result<Table> {
        if self.names == names {
            return Ok(self);
        }
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let found = self.names.iter().position(|known| known == name);
            let text = || format!("expected the column '{name}' of the other table, found none of this name");
            columns.push(std::mem::take(&mut self.columns[found.ok_or_else(|| Error::input(text()))?]));
        }
        Ok(Table { names: names.to_vec(), columns })
    }
}

fn floats(variable: &Variable) -> Vec<f64> {
    let finite = |x: f64| if x.is_finite() { x } else { f64::NAN };
    with_values!(&variable.values, values => values.iter().map(|x| finite(x.to_f64())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use baler_data::dataset::Values;

    fn variable(name: &str, shape: &[usize]) -> Variable {
        let values = (0..shape.iter().product()).map(|i| i as f32).collect();
        Variable::new(name, shape.to_vec(), Values::F32(values)).unwrap()
    }

    #[test]
    fn columns_come_from_arrays_of_one_and_two_axes() {
        let dataset = Dataset::from_arrays(vec![variable("x", &[3]), variable("y", &[3, 2])]);
        let table = Table::of(&dataset).unwrap();
        assert_eq!(table.names, ["x", "y[0]", "y[1]"]);
        assert_eq!(table.columns[2], [1.0, 3.0, 5.0]);
        let two = table.select(&["y[1]".to_string(), "x".to_string()]).unwrap();
        assert_eq!(two.columns, [[1.0, 3.0, 5.0], [0.0, 1.0, 2.0]]);
        assert!(two.select(&["z".to_string()]).unwrap_err().to_string().contains("'z'"));
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let cases: [(&[&[usize]], &str); 4] = [
            (&[&[3], &[4]], "of one length"),
            (&[&[3, 2, 2]], "3 axes"),
            (&[&[0]], "found none"),
            (&[], "found none"),
        ];
        for (shapes, text) in cases {
            let variables = shapes.iter().enumerate().map(|(i, shape)| variable(&i.to_string(), shape));
            let error = Table::of(&Dataset::from_arrays(variables.collect())).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
