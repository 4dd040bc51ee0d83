"""What each metric means, in one or two sentences for participants, with its formula where one line holds it."""

from typing import NamedTuple

from competition.rules import MetricRule
from grader.leaderboard.board import Bilingual
from grader.metrics.registry import get


class MetricWords(NamedTuple):
    """How a metric is called and explained on a page."""

    name: Bilingual
    meaning: Bilingual
    formula: str = ""


def metric_words(rule: MetricRule) -> MetricWords:
    """The words for a metric; a custom one, without words of its own, is named and pointed at its description."""
    if rule.file is None:
        return METRIC_WORDS[get(rule.name).name]
    readable = rule.name.replace("_", " ")
    return MetricWords(Bilingual(readable, readable), CUSTOM)


CUSTOM = Bilingual(
    "이 대회만의 지표입니다. 계산 방법은 설명을 보세요.",
    "A metric of this competition's own: its description says how it is computed.",
)

METRIC_WORDS: dict[str, MetricWords] = {
    "accuracy": MetricWords(
        Bilingual("정확도", "Accuracy"),
        Bilingual(
            "맞힌 행의 비율입니다. 드문 클래스가 있으면 그 클래스를 전혀 못 맞혀도 높게 나올 수 있습니다.",
            "The share of rows answered right. Where a class is rare it can be high while that class is never found.",
        ),
        "correct / all",
    ),
    "balanced_accuracy": MetricWords(
        Bilingual("균형 정확도", "Balanced accuracy"),
        Bilingual(
            "클래스마다 재현율을 구해 평균합니다. 드문 클래스도 흔한 클래스와 똑같이 셉니다.",
            "The mean of every class's recall: a rare class counts as much as a common one.",
        ),
        "mean over classes of TP / (TP + FN)",
    ),
    "precision": MetricWords(
        Bilingual("정밀도", "Precision"),
        Bilingual(
            "어떤 클래스라고 답한 것 가운데 실제로 그 클래스인 비율입니다.",
            "Of the rows answered with a class, the share that are of it.",
        ),
        "TP / (TP + FP)",
    ),
    "recall": MetricWords(
        Bilingual("재현율", "Recall"),
        Bilingual(
            "어떤 클래스에 속한 행 가운데 찾아낸 비율입니다.",
            "Of the rows of a class, the share that were found.",
        ),
        "TP / (TP + FN)",
    ),
    "f1": MetricWords(
        Bilingual("F1 점수", "F1 score"),
        Bilingual(
            "정밀도와 재현율의 조화 평균입니다. 둘 다 높아야 높아집니다.",
            "The harmonic mean of precision and recall: high only when both are.",
        ),
        "2 · precision · recall / (precision + recall)",
    ),
    "fbeta": MetricWords(
        Bilingual("F-베타 점수", "F-beta score"),
        Bilingual(
            "정밀도와 재현율의 가중 조화 평균입니다. 베타가 1보다 크면 재현율을 더 중시합니다.",
            "The weighted harmonic mean of precision and recall; a beta above 1 favours recall.",
        ),
        "(1 + β²) · precision · recall / (β² · precision + recall)",
    ),
    "top_k_accuracy": MetricWords(
        Bilingual("Top-k 정확도", "Top-k accuracy"),
        Bilingual(
            "확률이 가장 높은 k개 안에 정답이 들어 있는 행의 비율입니다.",
            "The share of rows whose right class is among the k most probable.",
        ),
    ),
    "log_loss": MetricWords(
        Bilingual("로그 손실", "Log loss"),
        Bilingual(
            "정답 클래스에 준 확률의 로그를 평균해 부호를 바꾼 값입니다. 확신하고 틀리면 크게 벌을 받습니다.",
            "Minus the mean log of the probability given to the right class: sure and wrong costs most.",
        ),
        "−mean(log p(right class))",
    ),
    "roc_auc": MetricWords(
        Bilingual("ROC 곡선 아래 넓이", "Area under the ROC curve"),
        Bilingual(
            "무작위로 고른 양성이 무작위로 고른 음성보다 높은 점수를 받을 확률입니다. 0.5는 동전 던지기와 같습니다.",
            "The chance that a random positive is scored above a random negative; 0.5 is a coin toss.",
        ),
    ),
    "average_precision": MetricWords(
        Bilingual("평균 정밀도", "Average precision"),
        Bilingual(
            "재현율이 늘어날 때마다의 정밀도를 평균한 값으로, 정밀도-재현율 곡선을 요약합니다.",
            "Precision averaged over the steps in recall: the precision-recall curve in one number.",
        ),
        "Σ (Rₙ − Rₙ₋₁) · Pₙ",
    ),
    "matthews": MetricWords(
        Bilingual("매슈스 상관계수", "Matthews correlation"),
        Bilingual(
            "예측과 정답의 상관입니다. 1은 완벽, 0은 우연 수준, −1은 정반대입니다.",
            "The correlation of prediction and truth: 1 is perfect, 0 no better than chance, −1 the opposite.",
        ),
    ),
    "cohen_kappa": MetricWords(
        Bilingual("코헨의 카파", "Cohen's kappa"),
        Bilingual(
            "우연히 맞을 몫을 뺀 일치도입니다. 1은 완벽, 0은 우연 수준입니다.",
            "Agreement beyond what chance would give: 1 is perfect, 0 chance.",
        ),
        "(observed − expected) / (1 − expected)",
    ),
    "mae": MetricWords(
        Bilingual("평균 절대 오차", "Mean absolute error"),
        Bilingual("오차 크기의 평균입니다.", "The mean size of an error."),
        "mean |y − ŷ|",
    ),
    "mse": MetricWords(
        Bilingual("평균 제곱 오차", "Mean squared error"),
        Bilingual(
            "오차를 제곱해 평균합니다. 큰 오차를 더 무겁게 봅니다.",
            "The mean of squared errors: large ones weigh more.",
        ),
        "mean (y − ŷ)²",
    ),
    "rmse": MetricWords(
        Bilingual("평균 제곱근 오차", "Root mean squared error"),
        Bilingual(
            "평균 제곱 오차의 제곱근으로, 값의 단위가 정답과 같습니다.",
            "The root of the mean squared error, in the unit of the target.",
        ),
        "√ mean (y − ŷ)²",
    ),
    "rmsle": MetricWords(
        Bilingual("로그 평균 제곱근 오차", "Root mean squared log error"),
        Bilingual(
            "로그를 취한 뒤의 평균 제곱근 오차입니다. 차이보다 비율이 중요할 때 씁니다.",
            "The root mean squared error of logarithms: ratios count, not differences.",
        ),
        "√ mean (log(1 + y) − log(1 + ŷ))²",
    ),
    "mape": MetricWords(
        Bilingual("평균 절대 백분율 오차", "Mean absolute percentage error"),
        Bilingual("정답에 대한 오차 비율의 평균입니다.", "The mean error as a share of the true value."),
        "mean |y − ŷ| / |y|",
    ),
    "r2": MetricWords(
        Bilingual("결정계수", "R²"),
        Bilingual(
            "모델이 설명한 분산의 비율입니다. 평균만 답하면 0, 그보다 나쁘면 음수입니다.",
            "The share of variance explained: 0 for always answering the mean, negative for worse.",
        ),
        "1 − Σ(y − ŷ)² / Σ(y − ȳ)²",
    ),
    "pearson": MetricWords(
        Bilingual("피어슨 상관계수", "Pearson correlation"),
        Bilingual("예측과 정답의 선형 상관입니다.", "The linear correlation of prediction and truth."),
    ),
    "spearman": MetricWords(
        Bilingual("스피어만 상관계수", "Spearman correlation"),
        Bilingual("예측과 정답의 순위 상관입니다.", "The correlation of the ranks of prediction and truth."),
    ),
    "map_at_k": MetricWords(
        Bilingual("MAP@k", "MAP@k"),
        Bilingual(
            "상위 k개 목록의 평균 정밀도를 모든 행에 걸쳐 평균합니다. 정답이 앞에 있을수록 좋습니다.",
            "Average precision of the first k answers, averaged over rows: right ones count more the earlier they are.",
        ),
    ),
    "ndcg_at_k": MetricWords(
        Bilingual("NDCG@k", "NDCG@k"),
        Bilingual(
            "상위 k개의 관련도를 뒤로 갈수록 낮게 쳐서 더하고, 가능한 최고 값으로 나눕니다.",
            "Relevance of the first k, discounted with depth, as a share of the best possible order.",
        ),
        "DCG@k / ideal DCG@k",
    ),
    "mean_iou": MetricWords(
        Bilingual("평균 IoU", "Mean IoU"),
        Bilingual(
            "예측한 영역과 정답 영역의 교집합을 합집합으로 나눈 값의 평균입니다.",
            "Overlap of predicted and true region over their union, averaged.",
        ),
        "mean |A ∩ B| / |A ∪ B|",
    ),
    "dice": MetricWords(
        Bilingual("다이스 계수", "Dice coefficient"),
        Bilingual(
            "두 영역이 겹친 넓이의 두 배를 넓이의 합으로 나눈 값입니다.",
            "Twice the overlap of the two regions over the sum of their areas.",
        ),
        "2 |A ∩ B| / (|A| + |B|)",
    ),
}
