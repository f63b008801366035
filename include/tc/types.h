/* The field types of a record: fixed width, no holes, and each its own type, so that in C++ the
 * type alone chooses how a field is read from a fixture and written to JSON.
 * What is not here: which record has which field (events.def). */
#pragma once

typedef __UINT8_TYPE__ tc_u8;
typedef __UINT16_TYPE__ tc_u16;
typedef __UINT32_TYPE__ tc_u32;
typedef __UINT64_TYPE__ tc_u64;
typedef __INT32_TYPE__ tc_i32;
typedef __INT64_TYPE__ tc_i64;

/* Bytes of variable length lie behind the fixed part of the record: `offset` counts from the
 * first byte of the header. offset 0 means "not known" and the key is left out; a known empty
 * string has an offset and length 0. */
#define TC_SLICE(name) \
  typedef struct {     \
    tc_u32 offset;     \
    tc_u32 length;     \
  } name
TC_SLICE(tc_path);  /* a path as bytes, without the final NUL */
TC_SLICE(tc_argv);  /* arguments, each ended by NUL */
TC_SLICE(tc_data);  /* a buffer */
TC_SLICE(tc_stack); /* return addresses, tc_u64 each, innermost first */

#define TC_SCALAR(name, base) \
  typedef struct {            \
    base value;               \
  } name

TC_SCALAR(tc_result, tc_i64);       /* what the call returned, or the errno negated */
TC_SCALAR(tc_count, tc_u64);        /* left out when 0 */
TC_SCALAR(tc_flag, tc_u32);         /* 1, or left out when 0 */
TC_SCALAR(tc_pid, tc_u32);          /* left out when 0 */
TC_SCALAR(tc_nanoseconds, tc_u64);  /* since boot, CLOCK_BOOTTIME; left out when 0 */
TC_SCALAR(tc_code_address, tc_u64); /* becomes a frame {build_id,module,offset,symbol} */
TC_SCALAR(tc_called, tc_u64);       /* the called function: build_id, module, offset, symbol */
TC_SCALAR(tc_probe_id, tc_u64);     /* which probe fired; never written */
TC_SCALAR(tc_word, tc_u64);         /* a machine word, "0x…" */
TC_SCALAR(tc_port, tc_u32);
TC_SCALAR(tc_namespace, tc_u32); /* inode number of a namespace; left out when 0 */
TC_SCALAR(tc_device, tc_u32);    /* (major << 20) | minor, as in the kernel's dev_t */

TC_SCALAR(tc_open_flags, tc_u64); /* O_… of open(2), as the kernel has them */
TC_SCALAR(tc_file_mode, tc_u32);  /* permission bits; TC_MODE_NONE when the call has none */
TC_SCALAR(tc_exit_code, tc_i32);  /* left out when negative: a signal ended the process */
TC_SCALAR(tc_signal, tc_u32);     /* signal number; left out when 0 */
#define TC_MODE_NONE 0xffffffffu

/* An IPv4 address lies in the last four bytes behind ::ffff:0:0/96 (RFC 4291 section 2.5.5.2). */
typedef struct {
  tc_u8 bytes[16];
} tc_address;

/* The names a value is written by, as X(value, NAME); values as in the kernel's headers. */
/* clang-format off */
#define TC_FILE_OPS(X) X(1, open) X(2, openat) X(3, openat2) X(4, creat)
#define TC_TCP_STATES(X)                                                                   \
  X(1, ESTABLISHED) X(2, SYN_SENT) X(3, SYN_RECV) X(4, FIN_WAIT1) X(5, FIN_WAIT2)          \
  X(6, TIME_WAIT) X(7, CLOSE) X(8, CLOSE_WAIT) X(9, LAST_ACK) X(10, LISTEN) X(11, CLOSING) \
  X(12, NEW_SYN_RECV)
#define TC_FAMILIES(X) \
  X(1, unix) X(2, inet) X(10, inet6) X(16, netlink) X(17, packet) X(40, vsock)
#define TC_NETWORK_OPS(X) X(1, connect) X(2, accept)
#define TC_SOCKET_TYPES(X) X(1, stream) X(2, dgram) X(3, raw) X(5, seqpacket)
#define TC_SOURCES(X) X(1, syscall) X(2, uprobe)
#define TC_SSL_OPS(X) X(1, read) X(2, write) X(3, peek)
#define TC_SSL_LIBRARIES(X) X(1, openssl) X(2, gnutls)
#define TC_SSL_FUNCTIONS(X)                                           \
  X(1, SSL_read) X(2, SSL_write) X(3, SSL_read_ex) X(4, SSL_write_ex) \
  X(5, SSL_peek) X(6, SSL_peek_ex) X(7, gnutls_record_recv) X(8, gnutls_record_send)
#define TC_LOSS_REASONS(X)                                                       \
  X(1, ring_full)    /* the ring buffer had no room */                           \
  X(2, scratch_busy) /* more nested events on one CPU than there are buffers */  \
  X(3, map_full)     /* a process could not be entered into the followed set */  \
  X(4, recursion)    /* the kernel skipped a program that was already running */ \
  X(5, output_full)  /* the output could not take the records */                 \
  X(6, malformed)    /* a record failed the decoder's checks */                  \
  X(7, abandoned)    /* the user ended tc before they were written */
/* clang-format on */

TC_SCALAR(tc_file_op, tc_u32);
TC_SCALAR(tc_tcp_state_name, tc_u32);
TC_SCALAR(tc_family, tc_u32);
TC_SCALAR(tc_network_op_name, tc_u32);
TC_SCALAR(tc_socket_type, tc_u32);
TC_SCALAR(tc_source, tc_u32);
TC_SCALAR(tc_ssl_op_name, tc_u32);
TC_SCALAR(tc_ssl_library, tc_u32);
TC_SCALAR(tc_ssl_function, tc_u32);
TC_SCALAR(tc_event_type, tc_u32);
TC_SCALAR(tc_loss_reason, tc_u32);

#define TC_ENUM_FILE_OP(number, name) TC_FILE_OP_##name = number,
enum tc_file_op_values { TC_FILE_OPS(TC_ENUM_FILE_OP) };
#define TC_ENUM_TCP_STATE(number, name) TC_TCP_##name = number,
enum tc_tcp_state_values { TC_TCP_STATES(TC_ENUM_TCP_STATE) };
#define TC_ENUM_FAMILY(number, name) TC_FAMILY_##name = number,
enum tc_family_values { TC_FAMILIES(TC_ENUM_FAMILY) };
#define TC_ENUM_NETWORK_OP(number, name) TC_NETWORK_##name = number,
enum tc_network_op_values { TC_NETWORK_OPS(TC_ENUM_NETWORK_OP) };
#define TC_ENUM_SOURCE(number, name) TC_SOURCE_##name = number,
enum tc_source_values { TC_SOURCES(TC_ENUM_SOURCE) };
#define TC_ENUM_SSL_FUNCTION(number, name) TC_FUNCTION_##name = number,
enum tc_ssl_function_values { TC_SSL_FUNCTIONS(TC_ENUM_SSL_FUNCTION) };
#define TC_ENUM_SSL_OP(number, name) TC_SSL_##name = number,
enum tc_ssl_op_values { TC_SSL_OPS(TC_ENUM_SSL_OP) };
#define TC_ENUM_SSL_LIBRARY(number, name) TC_LIBRARY_##name = number,
enum tc_ssl_library_values { TC_SSL_LIBRARIES(TC_ENUM_SSL_LIBRARY) };
#define TC_ENUM_LOSS(number, name) TC_LOSS_##name = number,
enum tc_loss_reason_values { TC_LOSS_REASONS(TC_ENUM_LOSS) TC_LOSS_REASON_COUNT };
