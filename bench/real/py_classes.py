# Class-heavy: virtual calls, properties, exceptions, generators, dictionaries, string formatting.
import sys


class Shape:
    def __init__(self, name, size):
        self.name, self.size = name, size

    def area(self):
        raise NotImplementedError

    @property
    def label(self):
        return f"{self.name}:{self.size % 97}"


class Square(Shape):
    def area(self):
        return self.size * self.size


class Rect(Shape):
    def __init__(self, name, size, other):
        super().__init__(name, size)
        self.other = other

    def area(self):
        return self.size * self.other


class Blob(Shape):
    pass


def shapes(n):
    for i in range(n):
        kind = i % 3
        yield Square("s", i) if kind == 0 else Rect("r", i, i % 11) if kind == 1 else Blob("b", i)


def main(n):
    total, labels, failures = 0, {}, 0
    for shape in shapes(n):
        try:
            total = (total + shape.area()) % 1000003
        except NotImplementedError:
            failures += 1
        labels[shape.label] = labels.get(shape.label, 0) + 1
    ordered = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    print(total, failures, len(labels), ordered[0], ordered[-1])


main(int(sys.argv[1]))
