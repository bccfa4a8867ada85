//! Studies: the key by which each makes its pseudonyms, and what was asked of its view.

use fhir_model::{IssueType, Outcome};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{Accounts, fresh};

const DAY_MS: i64 = 86_400_000;

/// A question that is asked for longer was not answered: the vault stopped meanwhile.
const OPEN_MS: i64 = 600_000;

/// Something that is asked of the view of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'q> {
    /// Logical id of the `ResearchStudy`.
    pub project: &'q str,
    /// Who asks: `user/[login]`, or `client/[id]` where no person does.
    pub bearer: &'q str,
    /// By which application.
    pub client: &'q str,
    /// The type that is searched.
    pub ty: &'q str,
    /// The criteria, in alphabetical order.
    pub query: &'q str,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// It was answered.
    Answered,
    /// Its answer would have been about too few people.
    Withheld,
    /// It got no answer: it was too costly, something failed, or nobody waited for it any more. Nothing is kept of it.
    Refused,
}

/// By what earlier questions are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The study was asked.
    Study,
    /// The same person asked, of whatever study.
    Asker,
}

impl Accounts {
    /// The secret of a study, 32 bytes; made at the first call in its life.
    ///
    /// # Errors
    /// The database's own trouble, or a secret that was sealed by another vault.
    pub async fn study_secret(&self, project: &str) -> Result<Vec<u8>, Outcome> {
        if let Some(kept) = self.kept_secret(project).await? {
            return Ok(kept);
        }
        let mut secret = [0; 32];
        SystemRandom::new()
            .fill(&mut secret)
            .map_err(|_| broken("The system gives no random bytes"))?;
        let sealed = self.seal(&label(project), &secret)?;
        self.execute(
            "insert into research_key (project, sealed, created) values ($1, $2, $3)
             on conflict (project) do nothing",
            [project.into(), sealed.into(), self.now().millis().into()],
        )
        .await?;
        // two who ask at once agree on the first
        self.kept_secret(project).await?.ok_or_else(|| broken("The secret of the study is gone"))
    }

    async fn kept_secret(&self, project: &str) -> Result<Option<Vec<u8>>, Outcome> {
        let sql = "select sealed from research_key where project = $1";
        let Some(row) = self.one(sql, [project.into()]).await? else { return Ok(None) };
        let sealed: String = row.get("sealed")?;
        let opened = self.open_sealed(&label(project), &sealed);
        opened.map(Some).ok_or_else(|| broken("The secret of the study cannot be opened"))
    }

    /// Keeps a question before it is answered, so that whoever asks at the same time knows of it; its number. Nothing is kept
    /// of one that is beyond the budget.
    ///
    /// # Errors
    /// `throttled` when the study asked as often as it may within the last day.
    pub async fn keep_question(
        &self,
        question: Question<'_>,
        day_max: u32,
    ) -> Result<String, Outcome> {
        let Question { project, bearer, client, ty, query } = question;
        if self.asked_lately(project).await? >= i64::from(day_max) {
            return Err(over_budget(day_max));
        }
        let (id, now) = (fresh("")?, self.now());
        self.execute(
            "insert into research_query (id, project, bearer, client, asked, type, query, outcome)
             values ($1, $2, $3, $4, $5, $6, $7, 'asked')",
            [
                id.as_str().into(),
                project.into(),
                bearer.into(),
                client.into(),
                now.millis().into(),
                ty.into(),
                query.into(),
            ],
        )
        .await?;
        // others may have asked meanwhile
        if self.asked_lately(project).await? > i64::from(day_max) {
            self.settle_question(&id, Reply::Refused).await?;
            return Err(over_budget(day_max));
        }
        Ok(id)
    }

    /// Questions of a study within the last day that count.
    async fn asked_lately(&self, project: &str) -> Result<i64, Outcome> {
        let sql = "select count(*) as asked
                   from   research_query
                   where  project = $1 and asked > $2 and not (outcome = 'asked' and asked < $3)";
        let (day, open) = self.lately();
        let row = self.one(sql, [project.into(), day.into(), open.into()]).await?;
        row.map_or(Ok(0), |row| row.get("asked"))
    }

    /// Since when questions count, and since when one may still be on its way.
    fn lately(&self) -> (i64, i64) {
        let now = self.now().millis();
        (now - DAY_MS, now - OPEN_MS)
    }

    /// Says what became of a question. One that got no answer is as if nobody had asked.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn settle_question(&self, id: &str, reply: Reply) -> Result<(), Outcome> {
        let outcome = match reply {
            Reply::Answered => "answered",
            Reply::Withheld => "withheld",
            Reply::Refused => {
                let sql = "delete from research_query where id = $1";
                return self.execute(sql, [id.into()]).await.map(drop);
            }
        };
        let sql = "update research_query set outcome = $2 where id = $1";
        self.execute(sql, [id.into(), outcome.into()]).await.map(drop)
    }

    /// Other questions that were answered, or are being, of this study or of who asks: types and criteria, each once; all
    /// of the last day, and as many of the latest.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn questions_before(
        &self,
        question: Question<'_>,
        (whose, count_max): (Whose, u32),
    ) -> Result<Vec<(String, String)>, Outcome> {
        let Question { project, bearer, ty, query, .. } = question;
        let (column, value) = match whose {
            Whose::Study => ("project", project),
            Whose::Asker => ("bearer", bearer),
        };
        let (day, open) = self.lately();
        let sql = format!(
            "select type, query
             from  (select   type, query, max(asked) as latest,
                             row_number() over (order by max(asked) desc) as place
                    from     research_query
                    where    {column} = $1 and not (type = $2 and query = $3)
                    and      (outcome = 'answered' or outcome = 'asked' and asked >= $4)
                    group by type, query) as earlier
             where  latest > $5 or place <= $6"
        );
        let values = [
            value.into(),
            ty.into(),
            query.into(),
            open.into(),
            day.into(),
            i64::from(count_max).into(),
        ];
        let rows = self.all(&sql, values).await?;
        rows.iter().map(|row| Ok((row.get("type")?, row.get("query")?))).collect()
    }
}

fn over_budget(day_max: u32) -> Outcome {
    let text = format!(
        "budget: this study has asked {day_max} questions within 24 hours, as many as it may; ask again later. \
         Further pages within ten minutes are no new questions"
    );
    Outcome::new(IssueType::Throttled, text)
}

fn label(project: &str) -> String {
    format!("research/{project}")
}

fn broken(why: &'static str) -> Outcome {
    Outcome::new(IssueType::Exception, why)
}
