/* Event 6, symbol_call: a chosen function was entered. */
#include "selection.h"
#include "stack.h"

/* The cookie is (probe number << 8) | distance of the probe from the function's start. */
SEC("uprobe") int symbol_call(struct pt_regs* ctx) {
  if (!is_selected()) return 0;
  struct scratch* scratch = acquire_scratch();
  if (!scratch) {
    lose(TC_EVENT_symbol_call, TC_LOSS_scratch_busy);
    return 0;
  }
  struct tc_symbol_call* event = (void*)scratch->record;
  const __u64 cookie = bpf_get_attach_cookie(ctx);
  event->probe.value = cookie >> 8;
  event->address.value = ctx->ip - (cookie & 255);
  event->stack = (tc_stack){};
  if (bpf_probe_read_user(&event->caller.value, sizeof(__u64), (void*)ctx->sp))
    event->caller.value = 0;
  const __u32 stack = append_stack(ctx, scratch, sizeof(*event));
  if (stack) event->stack = (tc_stack){.offset = sizeof(*event), .length = stack};
  emit(&event->header, TC_EVENT_symbol_call, sizeof(*event) + stack);
  release_scratch(scratch);
  return 0;
}
