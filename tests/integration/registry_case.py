"""A test class beside a registry of its own, which the daemon knows."""

import os

from case import PROGRAMS, ImageCase
from lab import image
from lab.registry import Registry, digest_of
from stories import PROGRAM


class RegistryCase(ImageCase):

    registry = None

    @classmethod
    def _warm_up(cls):
        """Registries are known to the daemon from its start on."""
        with open(cls.mayflyd.config, "a", encoding="utf-8") as config:
            config.write(cls._start_registries())
        cls.mayflyd.process.stop()
        cls.mayflyd.start()
        super()._warm_up()

    @classmethod
    def _start_registries(cls):
        """Returns what the daemon's configuration says of them."""
        cls.registry = Registry(cls.place)
        return f'[registries."{cls.registry.host}"]\nplain_http = true\n'

    @staticmethod
    def push_to(registry, repository, tag, mark, size=0):
        """An image that holds the worker; `mark` tells it from others. Its name, its digest and the
        digest of its upper layer, which is of random bytes, so many and some more."""
        with open(os.path.join(PROGRAMS, PROGRAM), "rb") as program:
            content = program.read()
        layers = [image.layer({PROGRAM: content}),
                  image.layer({"mark": mark.encode() + os.urandom(size)})]
        name, digest = registry.push(repository, tag, image.config_of([diff for _, diff in layers]),
                                     [blob for blob, _ in layers])
        return name, digest, digest_of(layers[1][0])

    def push(self, repository, tag, mark, size=0):
        """To the registry. Its name and its digest."""
        return self.push_to(self.registry, repository, tag, mark, size)[:2]
