//! Lines of the index tables and words that a group will write at its end, table by table: a table after the
//! other keeps the processor's caches warm, and the full-text index makes one segment of all words.

use std::ops::Range;

use fhir_model::ResourceType;
use rusqlite::{Connection, params};
use search::Rows;

use super::lines::{KINDS, Statements, Verb, kind};
use crate::{delta::Words, index::Line, words};

/// What is still to be written, in the order in which it was decided.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// The lines by table.
    tables: [Vec<Op>; KINDS],
    words: Vec<WordOp>,
    /// All their texts.
    text: String,
    /// What a search inside the group made us write already.
    written: Marks,
    /// Where the open savepoint began, and what was written by then.
    savepoint: Option<(Marks, Marks)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    tables: [usize; KINDS],
    words: usize,
}

/// A piece of `Pending::text`.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
}

#[derive(Debug)]
struct Op {
    verb: Verb,
    res: i64,
    line: Line<Span>,
}

#[derive(Debug)]
struct WordOp {
    res: i64,
    words: Words,
    terms: Span,
}

impl Pending {
    /// Remembers a line.
    pub(super) fn line(&mut self, verb: Verb, res: i64, line: Line<&str>) {
        let text = &mut self.text;
        let line = line.map(|piece| push(text, piece));
        if let Some(ops) = self.tables.get_mut(kind(&line)) {
            ops.push(Op { verb, res, line });
        }
    }

    /// Remembers all words of a resource.
    pub(super) fn words(&mut self, (ty, res): (ResourceType, i64), words: Words, all: &Rows) {
        let from = self.text.len();
        words::push_terms(&mut self.text, ty, &all.words);
        let terms = Span { from, to: self.text.len() };
        self.words.push(WordOp { res, words, terms });
    }

    /// Writes what is not written yet. What a savepoint may undo is remembered, also what came before it.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for (ops, written) in self.tables.iter().zip(self.written.tables) {
            let Some(ops) = ops.get(written..).filter(|ops| !ops.is_empty()) else { continue };
            let mut statements = Statements::new(connection);
            for Op { verb, res, line } in ops {
                let line = line.map(|span| self.text.get(span.range()).unwrap_or_default());
                statements.execute(*verb, *res, line)?;
            }
        }
        for op in self.words.iter().skip(self.written.words) {
            self.write_words(connection, op)?;
        }
        if self.savepoint.is_none() {
            self.clear();
        } else {
            self.written = self.len();
        }
        Ok(())
    }

    fn write_words(&self, connection: &Connection, op: &WordOp) -> rusqlite::Result<()> {
        // what a savepoint undid may be written for the second time, but never twice
        if op.words == Words::Change {
            let sql = "delete from idx_word where rowid = ?1";
            connection.prepare_cached(sql)?.execute([op.res])?;
        }
        let terms = self.text.get(op.terms.range()).unwrap_or_default();
        if !terms.is_empty() {
            let sql = "insert into idx_word (rowid, words) values (?1, ?2)";
            connection.prepare_cached(sql)?.execute(params![op.res, terms])?;
        }
        Ok(())
    }

    /// A savepoint begins.
    pub(super) fn begin(&mut self) {
        self.savepoint = Some((self.len(), self.written));
    }

    /// It ends, and what was decided in it stays.
    pub(super) fn keep(&mut self) {
        self.savepoint = None;
    }

    /// It ends, and what was decided or written in it is undone.
    pub(super) fn undo(&mut self) {
        let Some((len, written)) = self.savepoint.take() else { return };
        for (ops, len) in self.tables.iter_mut().zip(len.tables) {
            ops.truncate(len);
        }
        self.words.truncate(len.words);
        self.written = written;
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.tables.iter_mut().for_each(Vec::clear);
        self.words.clear();
        self.text.clear();
        self.written = Marks::default();
        self.savepoint = None;
    }

    fn len(&self) -> Marks {
        Marks { tables: self.tables.each_ref().map(Vec::len), words: self.words.len() }
    }
}

impl Span {
    fn range(self) -> Range<usize> {
        self.from..self.to
    }
}

fn push(text: &mut String, piece: &str) -> Span {
    let from = text.len();
    text.push_str(piece);
    Span { from, to: text.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "create table idx_present (p, res, primary key (p, res));
                 create virtual table idx_word using fts5 (
                   words, content = '', contentless_delete = 1, detail = none,
                   tokenize = \"ascii tokenchars '_'\");
                 create virtual table word_seen using fts5vocab(idx_word, instance);",
            )
            .unwrap();
        connection
    }

    fn see(connection: &Connection) -> Vec<String> {
        let sql = "select 'p' || p || ' of ' || res from idx_present
                   union all
                   select substr(term, instr(term, '_') + 1) || ' of ' || doc from word_seen
                   order by 1";
        let mut ask = connection.prepare(sql).unwrap();
        ask.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn basic() -> ResourceType {
        ResourceType::named("Basic").unwrap()
    }

    fn word(word: &str) -> Rows {
        let word = search::WordRow { scope: search::WordScope::Content, word: word.into() };
        Rows { words: vec![word], ..Rows::default() }
    }

    fn create(pending: &mut Pending, res: i64) {
        pending.line(Verb::Add, res, Line::Present { p: 1 });
        pending.words((basic(), res), Words::Come, &word("old"));
    }

    fn update(pending: &mut Pending, res: i64) {
        pending.line(Verb::Remove, res, Line::Present { p: 1 });
        pending.line(Verb::Add, res, Line::Present { p: 2 });
        pending.words((basic(), res), Words::Change, &word("new"));
    }

    fn run(connection: &Connection, sql: &str) {
        connection.execute_batch(sql).unwrap();
    }

    #[test]
    fn what_comes_and_goes_in_one_group_is_gone() {
        let (connection, mut pending) = (tables(), Pending::default());
        create(&mut pending, 7);
        update(&mut pending, 7);
        pending.write(&connection).unwrap();
        assert_eq!(see(&connection), ["new of 7", "p2 of 7"]);
        pending.write(&connection).unwrap();
        assert_eq!(see(&connection), ["new of 7", "p2 of 7"], "nothing is written twice");
    }

    #[test]
    fn an_undone_savepoint_takes_only_its_own_with_it() {
        for searches in 0..3 {
            let (connection, mut pending) = (tables(), Pending::default());
            run(&connection, "begin");
            create(&mut pending, 7);
            pending.begin();
            run(&connection, "savepoint request");
            update(&mut pending, 7);
            for n in 0..searches {
                pending.write(&connection).unwrap();
                create(&mut pending, 8 + n);
            }
            pending.undo();
            run(&connection, "rollback to request; release request");
            pending.write(&connection).unwrap();
            run(&connection, "commit");
            assert_eq!(see(&connection), ["old of 7", "p1 of 7"], "{searches} searches");
        }
    }

    #[test]
    fn a_kept_savepoint_leaves_all_of_it() {
        for searches in 0..3 {
            let (connection, mut pending) = (tables(), Pending::default());
            run(&connection, "begin");
            create(&mut pending, 7);
            pending.begin();
            run(&connection, "savepoint request");
            for _ in 0..searches {
                pending.write(&connection).unwrap();
            }
            update(&mut pending, 7);
            pending.keep();
            run(&connection, "release request");
            // the next one is undone
            pending.begin();
            run(&connection, "savepoint request");
            create(&mut pending, 8);
            pending.write(&connection).unwrap();
            pending.undo();
            run(&connection, "rollback to request; release request");
            pending.write(&connection).unwrap();
            run(&connection, "commit");
            assert_eq!(see(&connection), ["new of 7", "p2 of 7"], "{searches} searches");
        }
    }
}
