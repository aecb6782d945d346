"""What moving and holding data costs: DRAM, SRAM, the levels between them."""
