"""What each finding of a diagnosis means and what to try next, in Korean: a line of a run's page."""

from collections.abc import Mapping

KOREAN: Mapping[str, str] = {
    "overfitting": (
        "과적합: 학습 데이터는 잘 맞히지만 검증 데이터는 그만큼 맞히지 못합니다. "
        "데이터 증강, 드롭아웃, 가중치 감쇠, 조기 종료를 써 보세요."
    ),
    "underfitting": (
        "과소적합: 학습 데이터조차 충분히 맞히지 못합니다. 더 큰 모델, 더 많은 에폭, 더 약한 규제를 써 보세요."
    ),
    "learning rate too high": "학습률이 너무 높습니다. 학습률을 3분의 1이나 10분의 1로 낮추거나 워밍업을 써 보세요.",
    "learning rate too low": (
        "학습률이 너무 낮습니다. 학습률을 3배나 10배로 올리거나 범위 시험(lr_range)으로 찾아 보세요."
    ),
    "not yet converged": (
        "아직 수렴하지 않았습니다. 마지막까지 검증 손실이 줄고 있으니 에폭이나 제한 시간을 늘려 보세요."
    ),
    "label noise suspected": (
        "레이블이 틀린 이미지가 있는 것 같습니다. 모델이 확신하는데도 틀렸다고 나온 이미지를 살펴보세요."
    ),
    "nothing was learnt": "찍는 것과 다름없습니다. 학습률 범위 시험을 해 보고, 레이블과 이미지가 맞는지 살펴보세요.",
    "cut short by the budget": (
        "계획한 에폭을 마치기 전에 제한 시간이 끝났습니다. 시간을 늘리거나 더 작은 이미지, 더 빠른 모델을 써 보세요."
    ),
    "too few epochs to judge by": "판단하기에는 에폭이 너무 적습니다. 에폭을 늘려 보세요.",
    "no evaluation": "한 번도 평가하지 못했습니다. 제한 시간을 늘리거나 더 작은 모델을 써 보세요.",
    "fp16 overflow": "fp16으로 나타낼 수 있는 값을 넘었습니다. precision=bf16이나 precision=fp32로 바꿔 보세요.",
    "no number from the start": "첫 단계부터 손실이 숫자가 아니었습니다. 이미지와 모델의 초기 가중치를 살펴보세요.",
    "the loss broke off": (
        "손실이 갑자기 숫자가 아니게 되었습니다. clip_gradient=1, 워밍업, 더 낮은 학습률을 써 보세요."
    ),
    "no illness found": "눈에 띄는 문제가 없습니다.",
}
