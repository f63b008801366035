/* The records that bpf/ writes to the ring buffer and user space reads from it: a header, the
 * fields of events.def, then the bytes that the slices point to. Little-endian, 8-byte aligned,
 * no holes: what is not a field does not exist, so no stale byte can reach the evidence. */
#pragma once

#include "tc/map.h"
#include "tc/types.h"

#define TC_COMM_LENGTH 16

struct tc_header {
  tc_u64 time_ns; /* CLOCK_BOOTTIME when the record was emitted */
  tc_u64 seq;     /* counts every record and every loss of this CPU, from 1 */
  tc_u32 size;    /* of the whole record, header and tail included */
  tc_u16 type;    /* enum tc_event_ids */
  tc_u16 cpu;
  tc_u32 pid; /* thread group id in the initial pid namespace; 0: no process is to blame */
  tc_u32 tid;
  tc_u32 ppid;
  tc_u32 uid;
  char comm[TC_COMM_LENGTH];
};

#define TC_EVENT_FIELD(type, name) type name;
#define TC_EVENT_STRUCT(id, name, ...)  \
  struct tc_##name {                    \
    struct tc_header header;            \
    TC_MAP(TC_EVENT_FIELD, __VA_ARGS__) \
  };
#define EVENT TC_EVENT_STRUCT
#define INTERNAL_EVENT TC_EVENT_STRUCT
#include "tc/events.def"
#undef EVENT
#undef INTERNAL_EVENT

#define TC_EVENT_SIZE(type, name) +sizeof(type)
#ifdef __cplusplus
#define TC_STATIC_ASSERT static_assert
#else
#define TC_STATIC_ASSERT _Static_assert
#endif
#define TC_EVENT_ASSERT(id, name, ...)                                                         \
  TC_STATIC_ASSERT(                                                                            \
      sizeof(struct tc_##name) == sizeof(struct tc_header) TC_MAP(TC_EVENT_SIZE, __VA_ARGS__), \
      "event " #name " has a hole: reorder its fields");
#define EVENT TC_EVENT_ASSERT
#define INTERNAL_EVENT TC_EVENT_ASSERT
#include "tc/events.def"
#undef EVENT
#undef INTERNAL_EVENT

#define TC_EVENT_ID(id, name, ...) TC_EVENT_##name = id,
enum tc_event_ids {
#define EVENT TC_EVENT_ID
#define INTERNAL_EVENT TC_EVENT_ID
#include "tc/events.def"
#undef EVENT
#undef INTERNAL_EVENT
};

/* Event numbers are below this: the size of tables indexed by them. */
#define TC_EVENT_ID_LIMIT 128
/* The longest record the kernel side emits; user space may build longer ones from chunks. */
#define TC_RECORD_MAX 65536
