/* Linked to a traced C or C++ program: its marks are a file, which stays however the program ends.
 *
 * In: the file `marks` in the working folder, with a character per line of the program. Out: the program's code, after
 * each change of the line, sets marks[line] (crosspl/tracers/c_lines.py puts that into the assembly).
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((aligned(1 << 16))) char crosspl_marks[(LINES / (1 << 16) + 1) << 16];

__attribute__((constructor(101))) static void share_marks(void)
{
    int fd = open("marks", O_RDWR);
    if (fd < 0) _exit(1);
    void *at = mmap(crosspl_marks, sizeof crosspl_marks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    if (at != crosspl_marks) _exit(1);
    close(fd);
}
