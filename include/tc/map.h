/* TC_MAP(M, type, name, …): M(type, name) for each pair. The idiom is the kernel's own __MAP
 * (include/linux/syscalls.h): not recursive, so the C preprocessor and clangd both follow it.
 * At most 14 pairs; a fifteenth is an error that says TC_MAP_PAIRS_. */
#pragma once

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

#define TC_MAP_PICK_(a1, b1, a2, b2, a3, b3, a4, b4, a5, b5, a6, b6, a7, b7, a8, b8, a9, b9, a10, \
                     b10, a11, b11, a12, b12, a13, b13, a14, b14, chosen, ...)                    \
  chosen
#define TC_MAP_CHOOSE_(...)                                                                 \
  TC_MAP_PICK_(__VA_ARGS__, TC_MAP_14, TC_MAP_PAIRS_, TC_MAP_13, TC_MAP_PAIRS_, TC_MAP_12,  \
               TC_MAP_PAIRS_, TC_MAP_11, TC_MAP_PAIRS_, TC_MAP_10, TC_MAP_PAIRS_, TC_MAP_9, \
               TC_MAP_PAIRS_, TC_MAP_8, TC_MAP_PAIRS_, TC_MAP_7, TC_MAP_PAIRS_, TC_MAP_6,   \
               TC_MAP_PAIRS_, TC_MAP_5, TC_MAP_PAIRS_, TC_MAP_4, TC_MAP_PAIRS_, TC_MAP_3,   \
               TC_MAP_PAIRS_, TC_MAP_2, TC_MAP_PAIRS_, TC_MAP_1, TC_MAP_PAIRS_)
#define TC_MAP(m, ...) TC_MAP_CHOOSE_(__VA_ARGS__)(m, __VA_ARGS__)
