#include "determinism/inodes.h"
