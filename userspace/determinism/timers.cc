#include "determinism/timers.h"
