// Texts that are hard to read: WCAG 2.1 AA, 4.5 to 1, large text 3 to 1, from the styles as computed.
(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const parse = colour => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const probe = document.documentElement.appendChild(document.createElement('i'));
    probe.style.backgroundColor = 'Canvas';
    const canvasColour = getComputedStyle(probe).backgroundColor;
    probe.remove();
    const over = (top, ground) => {
        const mix = n => top[n] * top[3] + ground[n] * (1 - top[3]);
        return [mix(0), mix(1), mix(2), 1];
    };
    const ground = element => {
        if (!element) return parse(canvasColour);
        const own = parse(getComputedStyle(element).backgroundColor);
        return own[3] === 1 ? own : over(own, ground(element.parentElement));
    };
    const opacity = element =>
        element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1;
    const luminance = ([r, g, b]) => {
        const linear = [r, g, b].map(it => it / 255).map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const ratio = (a, b) => {
        const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
        return (light + 0.05) / (dark + 0.05);
    };
    const texts = element =>
        [...element.childNodes].some(it => it.nodeType === Node.TEXT_NODE && it.data.trim()) ||
        element.matches('input:not([type=hidden]), select, textarea');
    const faults = new Set();
    for (const element of document.body.querySelectorAll('*')) {
        if (!texts(element) || !element.checkVisibility({ visibilityProperty: true }) || element.matches(':disabled'))
            continue;
        const style = getComputedStyle(element);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        const back = ground(element);
        const ink = parse(style.color);
        ink[3] *= opacity(element);
        const found = ratio(over(ink, back), back);
        if (found < (large ? 3 : 4.5))
            faults.add(`${found.toFixed(2)}: ${element.tagName}.${element.className} ${style.color} on ${back}: `
                + (element.textContent.trim() || element.placeholder || '').slice(0, 40));
    }
    return [...faults];
})()
