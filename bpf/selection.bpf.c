/* The constants that user space sets before loading. */
#include "state.h"

const volatile struct tc_config config = {};
