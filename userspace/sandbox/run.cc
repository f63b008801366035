#include "sandbox/run.h"
