/* What to copy of a tracee's memory when one of its system calls returns: a plan for each call,
 * written by user space from sys/syscalls.def, carried out by bpf/ and by ptrace/ alike, so that
 * both engines see the same bytes. And the shape in which the bytes travel. */
#pragma once

#include "tc/types.h"

/* Every step copies from the address in args[argument]. "ret" is what the call returned. A step
 * marked RESULT copies nothing when the call failed. Lengths are in bytes; a piece that was cut to
 * its limit is marked TRUNCATED, one whose memory could not be read (all of it) FAULT. An address
 * of 0 gives no piece. */
enum tc_capture_kind {
  TC_CAPTURE_NONE = 0,
  TC_CAPTURE_STRING,  /* to its NUL, without it; limit TC_CAPTURE_STRING_MAX */
  TC_CAPTURE_FIXED,   /* `size` bytes */
  TC_CAPTURE_BUFFER,  /* args[length] bytes, or ret bytes (RESULT); limit plan.data_max */
  TC_CAPTURE_ARRAY,   /* args[length] elements of `size`, or ret elements (RESULT); limit
                         TC_CAPTURE_ARRAY_MAX bytes */
  TC_CAPTURE_ADDRESS, /* a sockaddr of args[length] bytes, or of *(u32*)args[length] bytes (RESULT);
                         limit TC_CAPTURE_ADDRESS_MAX */
  TC_CAPTURE_VECTORS, /* part 0: args[length] struct iovec, at most TC_CAPTURE_VECTORS_MAX of them;
                         part 1: what they point to, one behind the other, no more than ret bytes
                         (RESULT); limit plan.data_max */
  TC_CAPTURE_MESSAGE, /* part 0: struct msghdr; 1: its name; 2: its iovec; 3: their data, no more
                         than ret bytes (RESULT); 4: its control data. Limits as above */
  TC_CAPTURE_ENTRIES, /* ret bytes of linux_dirent64; limit TC_CAPTURE_ENTRIES_MAX */
  TC_CAPTURE_STRINGS, /* a NULL-ended array of pointers to strings (argv): the strings, each ended
                         by NUL, one behind the other; limit TC_CAPTURE_STRINGS_MAX */
  TC_CAPTURE_IOCTL,   /* _IOC_SIZE(args[1]) bytes when that is not 0, else 64 when args[1] >> 8 is
                         'T', else none; limit 256 */
  TC_CAPTURE_LOCK,    /* struct flock, when fcntl's args[1] is a lock command */
};
#define TC_CAPTURE_RESULT 1u /* flag: an output */

#define TC_CAPTURE_STRING_MAX 4096
#define TC_CAPTURE_ARRAY_MAX 1024
#define TC_CAPTURE_ADDRESS_MAX 128
#define TC_CAPTURE_VECTORS_MAX 16
#define TC_CAPTURE_CONTROL_MAX 256
#define TC_CAPTURE_ENTRIES_MAX 32768
#define TC_CAPTURE_STRINGS_MAX 8192
#define TC_CAPTURE_DATA_MAX 4096 /* the most plan.data_max may be */
#define TC_CAPTURE_STEPS 6

struct tc_capture_step {
  tc_u8 kind;     /* enum tc_capture_kind */
  tc_u8 argument; /* 0…5 */
  tc_u8 length;   /* 0…5: the argument that tells how long */
  tc_u8 flags;
  tc_u32 size;
};
struct tc_capture_plan {
  tc_u32 wanted; /* 1: tell this call at all */
  tc_u32 steps;  /* how many of step[] */
  tc_u32 data_max;
  tc_u32 reserved;
  struct tc_capture_step step[TC_CAPTURE_STEPS];
};

/* A piece: this header, `length` bytes, then zeroes up to a multiple of 8. */
#define TC_PIECE_FAULT 1u
#define TC_PIECE_TRUNCATED 2u
struct tc_piece {
  tc_u8 argument;
  tc_u8 part;
  tc_u16 flags;
  tc_u32 length;
};

/* The instruction set a call was made through: it gives the number its meaning. */
#define TC_ABI_X86_64 0u
#define TC_ABI_I386 1u
#define TC_ABI_X32 2u
/* Plans are kept for call numbers below this, of x86-64. */
#define TC_CALLS_MAX 512
