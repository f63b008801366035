/* TC_MAP(M, type, name, …): M(type, name) for each pair. The idiom is the kernel's own __MAP
 * (include/linux/syscalls.h): not recursive, so the C preprocessor and clangd both follow it.
 * At most 32 pairs; one more is an error that says TC_MAP_PAIRS_. */
#pragma once

/* clang-format off */
#define TC_MAP_1(m, t, n) m(t, n)
#define TC_MAP_2(m, t, n, ...) m(t, n) TC_MAP_1(m, __VA_ARGS__)
#define TC_MAP_3(m, t, n, ...) m(t, n) TC_MAP_2(m, __VA_ARGS__)
#define TC_MAP_4(m, t, n, ...) m(t, n) TC_MAP_3(m, __VA_ARGS__)
#define TC_MAP_5(m, t, n, ...) m(t, n) TC_MAP_4(m, __VA_ARGS__)
#define TC_MAP_6(m, t, n, ...) m(t, n) TC_MAP_5(m, __VA_ARGS__)
#define TC_MAP_7(m, t, n, ...) m(t, n) TC_MAP_6(m, __VA_ARGS__)
#define TC_MAP_8(m, t, n, ...) m(t, n) TC_MAP_7(m, __VA_ARGS__)
#define TC_MAP_9(m, t, n, ...) m(t, n) TC_MAP_8(m, __VA_ARGS__)
#define TC_MAP_10(m, t, n, ...) m(t, n) TC_MAP_9(m, __VA_ARGS__)
#define TC_MAP_11(m, t, n, ...) m(t, n) TC_MAP_10(m, __VA_ARGS__)
#define TC_MAP_12(m, t, n, ...) m(t, n) TC_MAP_11(m, __VA_ARGS__)
#define TC_MAP_13(m, t, n, ...) m(t, n) TC_MAP_12(m, __VA_ARGS__)
#define TC_MAP_14(m, t, n, ...) m(t, n) TC_MAP_13(m, __VA_ARGS__)
#define TC_MAP_15(m, t, n, ...) m(t, n) TC_MAP_14(m, __VA_ARGS__)
#define TC_MAP_16(m, t, n, ...) m(t, n) TC_MAP_15(m, __VA_ARGS__)
#define TC_MAP_17(m, t, n, ...) m(t, n) TC_MAP_16(m, __VA_ARGS__)
#define TC_MAP_18(m, t, n, ...) m(t, n) TC_MAP_17(m, __VA_ARGS__)
#define TC_MAP_19(m, t, n, ...) m(t, n) TC_MAP_18(m, __VA_ARGS__)
#define TC_MAP_20(m, t, n, ...) m(t, n) TC_MAP_19(m, __VA_ARGS__)
#define TC_MAP_21(m, t, n, ...) m(t, n) TC_MAP_20(m, __VA_ARGS__)
#define TC_MAP_22(m, t, n, ...) m(t, n) TC_MAP_21(m, __VA_ARGS__)
#define TC_MAP_23(m, t, n, ...) m(t, n) TC_MAP_22(m, __VA_ARGS__)
#define TC_MAP_24(m, t, n, ...) m(t, n) TC_MAP_23(m, __VA_ARGS__)
#define TC_MAP_25(m, t, n, ...) m(t, n) TC_MAP_24(m, __VA_ARGS__)
#define TC_MAP_26(m, t, n, ...) m(t, n) TC_MAP_25(m, __VA_ARGS__)
#define TC_MAP_27(m, t, n, ...) m(t, n) TC_MAP_26(m, __VA_ARGS__)
#define TC_MAP_28(m, t, n, ...) m(t, n) TC_MAP_27(m, __VA_ARGS__)
#define TC_MAP_29(m, t, n, ...) m(t, n) TC_MAP_28(m, __VA_ARGS__)
#define TC_MAP_30(m, t, n, ...) m(t, n) TC_MAP_29(m, __VA_ARGS__)
#define TC_MAP_31(m, t, n, ...) m(t, n) TC_MAP_30(m, __VA_ARGS__)
#define TC_MAP_32(m, t, n, ...) m(t, n) TC_MAP_31(m, __VA_ARGS__)

#define TC_MAP_PICK_(a1, b1, a2, b2, a3, b3, a4, b4, a5, b5, a6, b6, a7, b7, a8, b8, a9, b9, \
a10, b10, a11, b11, a12, b12, a13, b13, a14, b14, a15, b15, a16, b16, a17, b17, a18, b18, a19, \
b19, a20, b20, a21, b21, a22, b22, a23, b23, a24, b24, a25, b25, a26, b26, a27, b27, a28, b28, \
a29, b29, a30, b30, a31, b31, a32, b32, chosen, ...) \
  chosen
#define TC_MAP_CHOOSE_(...) \
  TC_MAP_PICK_( \
    __VA_ARGS__, TC_MAP_32, TC_MAP_PAIRS_, TC_MAP_31, TC_MAP_PAIRS_, TC_MAP_30, TC_MAP_PAIRS_, \
    TC_MAP_29, TC_MAP_PAIRS_, TC_MAP_28, TC_MAP_PAIRS_, TC_MAP_27, TC_MAP_PAIRS_, TC_MAP_26, \
    TC_MAP_PAIRS_, TC_MAP_25, TC_MAP_PAIRS_, TC_MAP_24, TC_MAP_PAIRS_, TC_MAP_23, TC_MAP_PAIRS_, \
    TC_MAP_22, TC_MAP_PAIRS_, TC_MAP_21, TC_MAP_PAIRS_, TC_MAP_20, TC_MAP_PAIRS_, TC_MAP_19, \
    TC_MAP_PAIRS_, TC_MAP_18, TC_MAP_PAIRS_, TC_MAP_17, TC_MAP_PAIRS_, TC_MAP_16, TC_MAP_PAIRS_, \
    TC_MAP_15, TC_MAP_PAIRS_, TC_MAP_14, TC_MAP_PAIRS_, TC_MAP_13, TC_MAP_PAIRS_, TC_MAP_12, \
    TC_MAP_PAIRS_, TC_MAP_11, TC_MAP_PAIRS_, TC_MAP_10, TC_MAP_PAIRS_, TC_MAP_9, TC_MAP_PAIRS_, \
    TC_MAP_8, TC_MAP_PAIRS_, TC_MAP_7, TC_MAP_PAIRS_, TC_MAP_6, TC_MAP_PAIRS_, TC_MAP_5, \
    TC_MAP_PAIRS_, TC_MAP_4, TC_MAP_PAIRS_, TC_MAP_3, TC_MAP_PAIRS_, TC_MAP_2, TC_MAP_PAIRS_, \
    TC_MAP_1, TC_MAP_PAIRS_)
#define TC_MAP(m, ...) TC_MAP_CHOOSE_(__VA_ARGS__)(m, __VA_ARGS__)
/* clang-format on */
