"""nginx of the distribution, passing bytes on: what is left when nothing is Python."""

from __future__ import annotations

import shutil

from bench.errors import Missing
from bench.programs import Program, free_port
from bench.subjects.base import Subject, Surroundings

CONFIGURATION = """
daemon off;
worker_processes 1;
error_log {folder}/error.log warn;
pid {folder}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 100m;
  client_body_buffer_size 128k;
  keepalive_requests 1000000000;
  upstream provider {{
    server 127.0.0.1:{upstream};
    keepalive 512;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_buffer_size 64k;
      proxy_buffers 8 64k;
      proxy_busy_buffers_size 128k;
    }}
  }}
}}
"""


def start_nginx(at: Surroundings) -> Subject:
    """One worker, connections kept on both sides, nothing held back. Raises Missing."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise Missing("nginx is not installed (Debian: apt-get install nginx-light)")
    port = free_port()
    folder = at.folder / f"nginx-{port}"
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(CONFIGURATION.format(folder=folder, port=port, upstream=at.port))
    # Where root starts it, its worker has another account, which must get to the folder.
    folder.chmod(0o777)
    command = [program, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(config)]
    return Subject(
        "nginx", port, Program(command, cores=at.server_cores, log=at.folder / f"nginx-{port}.log")
    )
