/* loops: work to be measured, without a C library. Time is taken from outside: in the sandbox the
 * clock is not the host's.
 *
 * usage: loops clock N    N times clock_gettime, by the system call: one that is answered
 *        loops pass N     N times lseek of no file: one that passes
 *        loops hash N     SHA-256 of a megabyte, N times: computes only; prints the last digest */
#include "nolibc.h"

static long count;

static void clock_loop(void) {
  struct timespec now;
  for (long i = 0; i < count; ++i) sys(clock_gettime, CLOCK_MONOTONIC, &now);
}
static void pass_loop(void) {
  for (long i = 0; i < count; ++i) sys(lseek, -1, 0, 0);
}

/* --- SHA-256 (FIPS 180-4) ----------------------------------------------------------------------
 */

static const unsigned kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static unsigned rotate(unsigned word, int by) { return word >> by | word << (32 - by); }

static void hash_block(unsigned* state, const unsigned char* block) {
  unsigned words[64];
  for (int i = 0; i < 16; ++i)
    words[i] = (unsigned)block[4 * i] << 24 | (unsigned)block[4 * i + 1] << 16 |
               (unsigned)block[4 * i + 2] << 8 | block[4 * i + 3];
  for (int i = 16; i < 64; ++i) {
    const unsigned a = words[i - 15];
    const unsigned b = words[i - 2];
    words[i] = words[i - 16] + words[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
               (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
  }
  unsigned s[8];
  for (int i = 0; i < 8; ++i) s[i] = state[i];
  for (int i = 0; i < 64; ++i) {
    const unsigned first = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
                           ((s[4] & s[5]) ^ (~s[4] & s[6])) + kRound[i] + words[i];
    const unsigned second = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
                            ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    for (int k = 7; k > 0; --k) s[k] = s[k - 1];
    s[4] += first;
    s[0] = first + second;
  }
  for (int i = 0; i < 8; ++i) state[i] += s[i];
}

static void hash_loop(void) {
  enum { kSize = 1 << 20 };
  unsigned char* bytes = new_pages(kSize);
  unsigned state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (int i = 0; i < kSize; ++i) bytes[i] = (unsigned char)(i * 7);
  for (long i = 0; i < count; ++i)
    for (int at = 0; at < kSize; at += 64) hash_block(state, bytes + at);
  for (int i = 0; i < 8; ++i) say("%x ", state[i]);
  say("\n");
}

static void with_count(void (*run)(void)) {
  for (const char* digit = guest_argv[2]; digit != 0 && *digit != 0; ++digit)
    count = count * 10 + *digit - '0';
  run();
}
static void clock_calls(void) { with_count(clock_loop); }
static void pass_calls(void) { with_count(pass_loop); }
static void hash(void) { with_count(hash_loop); }

const struct guest_case guest_cases[] = {
    {"clock", clock_calls, "apart"},
    {"pass", pass_calls, "apart"},
    {"hash", hash, "apart"},
    {0},
};
