"""What the energy and area models leave out; reports show it beside the numbers."""

ASSUMPTIONS: tuple[str, ...] = (
    "Energy is dynamic energy of arithmetic, on-chip buffers and DRAM transfers; leakage is in no sum, and known only "
    "where the hwconfig says it or takes it from hwcomponents.",
    "Clock, control, wires, registers inside the array and the interconnect are not modelled, in energy or in area.",
    "Figures per operation are published tables, or models of hwcomponents, not synthesis of this design; the "
    "technology file names each source.",
    "Every multiply-accumulate of a pass costs the full operand width, whatever its data (no gating of zeros).",
    "Idle places of the array cost nothing.",
    "Random bits count as energy of the lanes that use them. Philox takes, for a block of eight elements, 20 int32 "
    "multiplications and 58 XORs and additions, however few bits an element uses; a shift register three one-bit XORs "
    "a bit. An XOR counts as an addition of its width; the start of a register and its clocking cost nothing.",
    "Shifters that put the slices of wide operands in place and the adders of chunk sums are not counted, nor is what "
    "brings a block's sum under its scales: added exponents, in NVFP4 a product of E4M3 numbers for 16 of E2M1.",
    "Lanes count no comparisons that find a tensor's range, nor what takes zero points off or brings elements under "
    "their block's scale; a function counts as a look-up and Newton's steps, or as a polynomial.",
    "Figures for formats and capacities that a table doesn't list follow a power law of the listed ones.",
    "Every product is added in the accumulator's format. Datapaths that add up the products of a block in fixed point "
    "first spend less: with narrow floats the addition is most of a multiply-accumulate here.",
    "A byte of an on-chip memory costs its part of an access to one word of a memory of one bank's capacity, as if all "
    "of each word were used; what chooses between banks, and leads to them, costs nothing.",
    "DRAM costs a published energy per bit; standby and refresh power are shown apart where the standard has them, not "
    "added, since the published figure may hold part of them.",
    "Area counts multipliers and adders alone, in the array with the largest of its accumulators' adders; buffers, "
    "exponentials, comparators, random-number generators and rounding logic are left out.",
)
