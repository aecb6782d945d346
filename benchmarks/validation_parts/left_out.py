"""Published figures of these and other machines that the table doesn't have, and why."""

from __future__ import annotations

LEFT_OUT: tuple[tuple[str, str], ...] = (
    (
        "TPU v1, CNN1 (14.1 TOPS, 22.5 % useful MACs, 46.2 % active, 35.1 % waiting for weights)",
        "No layer's shape is published, nor how its 100 M weights split between 72 convolutions and 4 dense layers "
        "(recalled), so a stand-in's figure would be its author's. Expect a large miss: 1,750 products a weight byte "
        "allow the peak, 92 TOPS, while the chip idles half of its active places on shallow layers and waits 22.8 % "
        "for earlier results, which the model doesn't know.",
    ),
    (
        "TPU v1, time of other work, waits for earlier results and for inputs (six networks each)",
        "Products alone are timed; the model has no host behind PCIe and no waits between instructions.",
    ),
    (
        "TPU v1, 75 W and at most 331 mm2; TPU v4i, 175 W and at most 400 mm2",
        "Limits of a package and a die with all their interfaces, not what arithmetic and memories take.",
    ),
    (
        "Eyeriss, multiplications of each layer; active places of each layer",
        "The one is rounded to 10 M, and their sum has a row; the other is row stationary's, which is not modelled.",
    ),
    (
        "NVDLA, milliseconds an image",
        "The spreadsheet's frame rates, inverted.",
    ),
    (
        "TPU v4i, rate of a network",
        "None was found.",
    ),
    (
        "Simba (2,615 and 1,988 images/s of ResNet-50 on 36 chips; 4.01 TOPS, 0.11 pJ an operation and 6.1 TOPS/W)",
        "No hwconfig: chips joined by links are not modelled; of one chip there is a peak alone.",
    ),
    (
        "NNP-T1300 and T1400 (93.39 and 119 TFLOPS)",
        "Peaks alone, and 1.09 and 1.10 times what their multipliers and clocks give.",
    ),
    ("H100 (989 TFLOPS, 1,979 TOPS), Ascend 910 (256 TFLOPS, 512 TOPS)", "Peaks alone: multipliers times clock."),
)
"""What was published, and the reason."""
