import { mount } from 'svelte';
import './app.css';
import { startRouter } from './base/router.svelte';
import { startTheme } from './base/theme.svelte';
import App from './views/App.svelte';

startTheme();
startRouter();
mount(App, { target: document.getElementById('app') as HTMLElement });
