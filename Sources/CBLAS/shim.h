#pragma once
// Types and constants of CBLAS (netlib.org/blas, "C interface to the BLAS"). The library, OpenBLAS, is opened
// at first use, so that nobody needs it, or its headers, who has no model of his own.

enum { cb_row_major = 101, cb_no_transpose = 111, cb_transpose = 112 };

// Which of OpenBLAS's kernels this processor can run, by the names that it gives them; null for its own
// choice.
static inline const char *cb_kernels(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
    return 0;
}
