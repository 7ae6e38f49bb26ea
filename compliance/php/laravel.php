<?php
// Sends a message as Laravel would with the .env of this folder, after boot.php, if that is there.
error_reporting(E_ALL & ~E_DEPRECATED);
foreach (['Illuminate/Mail', 'Illuminate/Config', 'Illuminate/Events', 'Illuminate/View', 'Dotenv'] as $part) {
    require_once "/usr/share/php/{$part}/autoload.php";
}

use Illuminate\Config\Repository;
use Illuminate\Container\Container;
use Illuminate\Events\Dispatcher;
use Illuminate\Filesystem\Filesystem;
use Illuminate\Mail\MailManager;
use Illuminate\Support\Env;
use Illuminate\Support\Facades\Facade;
use Illuminate\Support\Facades\Mail;
use Illuminate\View\Engines\EngineResolver;
use Illuminate\View\Factory;
use Illuminate\View\FileViewFinder;
use Symfony\Component\Mailer\Exception\TransportException;

$home = $argv[1];
Dotenv\Dotenv::create(Env::getRepository(), $home)->safeLoad();
$app = Container::getInstance();
$app['config'] = new Repository(['mail' => require __DIR__ . '/mail.php']);
$app['events'] = new Dispatcher($app);
$app['view'] = new Factory(
    new EngineResolver(), new FileViewFinder(new Filesystem(), []), $app['events']
);
$app->singleton('mail.manager', fn ($app) => new MailManager($app));
Facade::setFacadeApplication($app);

function config(string $key)
{
    return Container::getInstance()['config'][$key];
}

try {
    if (file_exists("{$home}/boot.php")) {
        require "{$home}/boot.php";
    }
    Mail::raw('hello', fn ($message) => $message->to(getenv('RECIPIENT_'))->subject('hello'));
} catch (TransportException $error) {
    echo $error->getDebug();
    throw $error;
}
