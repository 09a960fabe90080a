"""What is written in a picture."""

from xml.etree import ElementTree


def texts(path):
    """Everything that is written in a picture, which must be whole XML."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return ["".join(one.itertext()).strip() for one in root.iter("{http://www.w3.org/2000/svg}text")]
