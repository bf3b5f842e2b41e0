#pragma once
// Types and constants of CBLAS (netlib.org/blas, "C interface to the BLAS"). The library, OpenBLAS, is opened
// at first use, so that nobody needs it, or its headers, who has no model of his own.

enum { cb_row_major = 101, cb_no_transpose = 111, cb_transpose = 112 };

