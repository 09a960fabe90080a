"""Two records, an easy and a hard one, and a posterior that goes by agreement alone."""

from bestroute.artefacts.posterior import AGREE_FEATURES, QUALITY_FEATURES, Logistic, Posterior
from bestroute.records.lines import parse_record

TIERS = [{"model": "tiny", "n": 2}, {"model": "big"}]
PRIORS = {"easy": (0.6, 0.7, 0.8), "hard": (0.6, 0.7, 0.8)}


def logistic(names, **weights):
    """Weights by the first word of a feature's name; all others 0."""
    values = [weights.get(name.split()[0], 0.0) for name in names]
    return Logistic(weights.get("intercept", 0.0), tuple(values))


# Quality 0.998 where all agree and 0.119 where two differ; the reference 0.5; agreeing is as likely as not.
BY_AGREEMENT = Posterior(
    kept=logistic(QUALITY_FEATURES, agreement=16.0, intercept=-10.0),
    reference=logistic(QUALITY_FEATURES),
    agrees=logistic(AGREE_FEATURES),
    reward=0.5,
)


def record(name, answers, score, reference_scores=(1.0,)):
    tiny = [
        {"text": f"The answer is {answer}.", "score": score, "output_tokens": 10, "reward": 0.5}
        for answer in answers
    ]
    big = [{"text": "The answer is 7.", "score": s, "output_tokens": 10} for s in reference_scores]
    return parse_record(
        {"id": name, "source": "", "query": name, "input_tokens": 5, "responses": {"tiny": tiny, "big": big}}
    )


EASY = record("easy", [7, 7], 1.0)
HARD = record("hard", [3, 4], 0.0, reference_scores=(1.0, 0.5))
