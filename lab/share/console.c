// Connects this terminal to the lab machine's console: `console SOCKET END`, until the file END exists.
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static int copy(int from, int to) {
  char bytes[4096];
  ssize_t size = read(from, bytes, sizeof(bytes));
  for (ssize_t done = 0; done < size;) {
    ssize_t n = write(to, bytes + done, size - done);
    if (n <= 0) return 0;
    done += n;
  }
  return size > 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
  int console = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(console, (struct sockaddr *)&address, sizeof(address)) < 0) {
    perror(argv[1]);
    return 1;
  }
  struct termios before, raw;
  int terminal = tcgetattr(0, &before) == 0;
  if (terminal) {
    raw = before;
    cfmakeraw(&raw);
    tcsetattr(0, TCSADRAIN, &raw);
  }
  struct pollfd ends[] = {{.fd = 0, .events = POLLIN}, {.fd = console, .events = POLLIN}};
  while (access(argv[2], F_OK) != 0) {
    if (poll(ends, 2, 200) < 0) break;
    if (ends[0].revents && !copy(0, console)) ends[0].fd = -1;
    if (ends[1].revents && !copy(console, 1)) break;
  }
  if (terminal) tcsetattr(0, TCSADRAIN, &before);
  return 0;
}
