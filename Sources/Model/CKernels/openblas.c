/// Replaces the function of OpenBLAS that reads OPENBLAS_NUM_THREADS when the library is loaded.
///
/// So it starts no threads of its own: none are used here, each would take memory, and if the system
/// refuses one, OpenBLAS ends the process by a signal before `main`. What an executable defines comes
/// before what its libraries do.
int openblas_num_threads_env(void);
int openblas_num_threads_env(void) { return 1; }
