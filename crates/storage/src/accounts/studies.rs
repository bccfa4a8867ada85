//! Studies: the key by which each makes its pseudonyms, and what was asked of its view.

use fhir_model::{Instant, IssueType, Outcome};
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
    /// Who asks.
    pub bearer: &'q str,
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
    /// It got no answer: it was too costly, something failed, or nobody waited for it any more.
    Refused,
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

    /// Keeps a question before it is answered, so that whoever asks at the same time knows of it; its number.
    ///
    /// # Errors
    /// `throttled` when the study asked as often as it may within the last day.
    pub async fn keep_question(
        &self,
        question: Question<'_>,
        day_max: u32,
    ) -> Result<String, Outcome> {
        let (id, now) = (fresh("")?, self.now());
        let Question { project, bearer, ty, query } = question;
        self.execute(
            "insert into research_query (id, project, bearer, asked, type, query, outcome)
             values ($1, $2, $3, $4, $5, $6, 'asked')",
            [
                id.as_str().into(),
                project.into(),
                bearer.into(),
                now.millis().into(),
                ty.into(),
                query.into(),
            ],
        )
        .await?;
        if self.asked_since(project, Instant::from_millis(now.millis() - DAY_MS)).await?
            > i64::from(day_max)
        {
            self.end_question(&id, "refused").await?;
            let text = format!(
                "budget: this study has asked {day_max} questions within 24 hours, as many as it may; ask again later. \
                 Further pages within ten minutes are no new questions"
            );
            return Err(Outcome::new(IssueType::Throttled, text));
        }
        Ok(id)
    }

    async fn asked_since(&self, project: &str, since: Instant) -> Result<i64, Outcome> {
        let sql = "select count(*) as asked
                   from   research_query
                   where  project = $1 and asked > $2 and outcome <> 'refused'
                   and    not (outcome = 'asked' and asked < $3)";
        let open = self.now().millis() - OPEN_MS;
        let row = self.one(sql, [project.into(), since.millis().into(), open.into()]).await?;
        row.map_or(Ok(0), |row| row.get("asked"))
    }

    /// Says what became of a question.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn settle_question(&self, id: &str, reply: Reply) -> Result<(), Outcome> {
        let outcome = match reply {
            Reply::Answered => "answered",
            Reply::Withheld => "withheld",
            Reply::Refused => "refused",
        };
        self.end_question(id, outcome).await
    }

    async fn end_question(&self, id: &str, outcome: &str) -> Result<(), Outcome> {
        let sql = "update research_query set outcome = $2 where id = $1";
        self.execute(sql, [id.into(), outcome.into()]).await.map(drop)
    }

    /// Other questions that a study was answered, or is being, and those of who asks: types and criteria, the latest first,
    /// each once.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn questions_before(
        &self,
        question: Question<'_>,
        count_max: u32,
    ) -> Result<Vec<(String, String)>, Outcome> {
        let Question { project, bearer, ty, query } = question;
        let rows = self
            .all(
                "select   type, query
                 from     research_query
                 where    (project = $1 or bearer = $2) and not (type = $3 and query = $4)
                 and      (outcome = 'answered' or outcome = 'asked' and asked >= $6)
                 group by type, query
                 order by max(asked) desc
                 limit    $5",
                [
                    project.into(),
                    bearer.into(),
                    ty.into(),
                    query.into(),
                    i64::from(count_max).into(),
                    (self.now().millis() - OPEN_MS).into(),
                ],
            )
            .await?;
        rows.iter().map(|row| Ok((row.get("type")?, row.get("query")?))).collect()
    }
}

fn label(project: &str) -> String {
    format!("research/{project}")
}

fn broken(why: &'static str) -> Outcome {
    Outcome::new(IssueType::Exception, why)
}
