"""Machine code read: a kernel as nvdisasm prints it, cut down to what matters."""

import pytest

from bench import sass

#: A loop over tiles, and in it one over rows, of which two are loaded before the first is used.
TEXT = """
	.headerflags	@"EF_CUDA_SM90 EF_CUDA_VIRTUAL_SM(EF_CUDA_SM90)"
//--------------------- .text.rows --------------------------
	.section	.text.rows,"ax",@progbits
	.align	128
        .global         rows
        .type           rows,@function
rows:
.text.rows:
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/                   LDG.E.64 R2, desc[UR4][R8.64] ;
        /*0020*/                   ISETP.GE.U32.AND P0, PT, R2, R3, PT ;
        /*0030*/               @P0 EXIT ;
.L_x_1:
        /*0040*/                   MOV R20, RZ ;
.L_x_0:
        /*0050*/                   LDG.E.CONSTANT R4, desc[UR4][R2.64] ;
        /*0060*/                   LDG.E.CONSTANT R5, desc[UR4][R2.64+0x4] ;
        /*0070*/                   IMAD.WIDE R12, R4, R9, R10 ;
        /*0080*/                   LDG.E.128 R12, desc[UR4][R12.64] ;
        /*0090*/                   IMAD.WIDE R16, R5, R9, R10 ;
        /*00a0*/                   LDG.E.128 R16, desc[UR4][R16.64] ;
        /*00b0*/                   FFMA R20, R6, R15, R20 ;
        /*00c0*/                   LDG.E.128 R12, desc[UR4][R22.64] ;
        /*00d0*/              @!P1 LDG.E.128 R24, desc[UR4][R22.64+0x200] ;
        /*00e0*/                   FFMA R20, R6, R24, R20 ;
        /*00f0*/               @P2 BRA `(.L_x_0) ;
        /*0100*/              @!P3 BRA `(.L_x_1) ;
        /*0110*/                   STG.E.128 desc[UR4][R10.64], R20 ;
        /*0120*/                   EXIT ;
.L_x_2:
        /*0130*/                   BRA `(.L_x_2);
        /*0140*/                   NOP;
//--------------------- .text.none --------------------------
	.section	.text.none,"ax",@progbits
none:
.text.none:
        /*0000*/                   EXIT ;
"""
LOG = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'rows' for 'sm_90'
ptxas info    : Function properties for rows
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 48 registers, used 1 barriers, 4096 bytes smem
ptxas info    : Compiling entry function 'none' for 'sm_90'
ptxas info    : Function properties for none
    8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 255 registers, used 0 barriers
"""


@pytest.fixture
def code():
    return sass.kernels(TEXT)["rows"]


def test_kernels_and_their_instructions(code):
    assert list(sass.kernels(TEXT)) == ["rows", "none"]
    assert len(code.instructions) == 21
    assert code.labels == {".L_x_1": 4, ".L_x_0": 5, ".L_x_2": 19}
    guarded = code.instructions[13]
    assert guarded == ("LDG.E.128", "R24, desc[UR4][R22.64+0x200]", None)
    assert [each.load_bits for each in code.instructions[:7]] == [0, 64, 0, 0, 0, 32, 32]


def test_the_innermost_loop(code):
    """Neither the one around it, nor the one of a single instruction at the end."""
    (body,) = (code.within(*span) for span in sass.loops(code))
    assert len(body) == 11
    assert (body[0].name, body[-1].name) == ("LDG.E.CONSTANT", "BRA")
    assert [sass.loads(body, bits) for bits in (32, 64, 128)] == [2, 0, 4]


def test_loads_before_the_first_use(code):
    (body,) = (code.within(*span) for span in sass.loops(code))
    # The second word of the first row's four is used after two rows.
    assert sass.in_flight(body, 128) == 2
    # The rest begins anew: what a row's address is made of is no use of a row.
    assert sass.in_flight(body[7:], 128) == 2
    # An index is used at once, when the second has been asked for.
    assert sass.in_flight(body, 32) == 2
    assert sass.in_flight(body[:4], 128) == 1


def test_a_load_whose_address_was_loaded_is_a_use():
    chain = "\n".join(
        [
            ".text.chain:",
            "        /*0000*/                   LDG.E.64 R2, desc[UR4][R8.64] ;",
            "        /*0010*/                   LDG.E.64 R4, desc[UR4][R2.64] ;",
        ]
    )
    assert sass.in_flight(sass.kernels(chain)["chain"].instructions, 64) == 1


def test_what_ptxas_says():
    assert sass.resources(LOG) == {"rows": (48, 0), "none": (255, 24)}
