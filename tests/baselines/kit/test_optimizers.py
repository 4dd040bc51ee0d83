import torch

from baselines.kit.optimizers import set_momentum


def test_the_momentum_is_set_where_an_optimizer_keeps_it():
    weight = [torch.nn.Parameter(torch.zeros(2, 2))]
    adam, sgd, plain = torch.optim.AdamW(weight), torch.optim.SGD(weight, 0.1, 0.9), torch.optim.Adagrad(weight)
    for optimizer in (adam, sgd, plain):
        set_momentum(optimizer, 0.8)
    assert adam.param_groups[0]["betas"] == (0.8, 0.999)
    assert sgd.param_groups[0]["momentum"] == 0.8
    assert "momentum" not in plain.param_groups[0]
