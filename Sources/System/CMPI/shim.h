#pragma once
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

// An MPI is loaded at run time, whichever started the program, so that none is needed to build it, nor
// to run it on one machine. There are three binary interfaces: Open MPI's, MPICH's and that of the
// standard MPI 5. They differ in a few constants, and in handles, which are pointers or, in MPICH's,
// integers of 32 bits. A pointer with the value of the integer is passed in the same register.
#define CMPI_FUNCTIONS(DO) \
  DO(MPI_Init_thread, int (*)(int *, char ***, int, int *)) \
  DO(MPI_Finalize, int (*)(void)) \
  DO(MPI_Abort, int (*)(void *, int)) \
  DO(MPI_Comm_rank, int (*)(void *, int *)) \
  DO(MPI_Comm_size, int (*)(void *, int *)) \
  DO(MPI_Isend, int (*)(const void *, int, void *, int, int, void *, void **)) \
  DO(MPI_Irecv, int (*)(void *, int, void *, int, int, void *, void **)) \
  DO(MPI_Test, int (*)(void **, int *, void *)) \
  DO(MPI_Get_library_version, int (*)(char *, int *))

struct __attribute__((swift_attr("@Sendable"))) cmpi_library {
#define CMPI_FIELD(name, type) __typeof__((type)0) name;
  CMPI_FUNCTIONS(CMPI_FIELD)
#undef CMPI_FIELD
  void *world;            // MPI_COMM_WORLD
  void *byte;             // MPI_BYTE
  int thread_serialized;  // MPI_THREAD_SERIALIZED
};

// Finds the functions and constants of `library`, a handle of dlopen; returns the name of one that is
// missing, or NULL.
static inline const char *cmpi_find(struct cmpi_library *mpi, void *library) {
#define CMPI_FIND(name, type) \
  if (!(mpi->name = (type)dlsym(library, #name))) return #name;
  CMPI_FUNCTIONS(CMPI_FIND)
#undef CMPI_FIND
  mpi->thread_serialized = 2;
  if ((mpi->world = dlsym(library, "ompi_mpi_comm_world"))) {
    return (mpi->byte = dlsym(library, "ompi_mpi_byte")) ? NULL : "ompi_mpi_byte";
  }
  // MPICH 5 has this function in the library of its own interface, too, where the version is -1.
  int (*version)(int *, int *) = (int (*)(int *, int *))dlsym(library, "MPI_Abi_get_version");
  int major = -1, minor = -1;
  if (version && version(&major, &minor) == 0 && major >= 1) {
    mpi->world = (void *)(uintptr_t)0x101;
    mpi->byte = (void *)(uintptr_t)0x247;
    mpi->thread_serialized = 2048;
  } else {
    mpi->world = (void *)(uintptr_t)0x44000000;
    mpi->byte = (void *)(uintptr_t)0x4c00010d;
  }
  return NULL;
}

// Whether the transfer behind `request` is complete; negative if it failed. The status, of up to 32
// bytes, is of no interest.
static inline int cmpi_is_complete(struct cmpi_library mpi, void **request) {
  int64_t status[8];
  int flag = 0;
  return mpi.MPI_Test(request, &flag, status) == 0 ? flag : -1;
}
